"""Files are stored once, whole or not at all, wherever fsspec reaches."""

import datetime
import hashlib

import fsspec
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard.blobs import Blobs

CONTENT = b"trial_indices\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def s3():
    """URL of a bucket on this machine, with the environment that leads there."""
    reason = "s3:// needs s3fs, and moto to stand for Amazon"
    pytest.importorskip("s3fs", reason=reason)
    server = pytest.importorskip("moto.server", reason=reason).ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "anything")
        fsspec.filesystem("s3").mkdir("board")
        yield "s3://board"
    server.stop()


@pytest.fixture(params=["folder", "memory", "s3"])
def blobs(request, tmp_path):
    if request.param == "s3":
        return Blobs(f"{request.getfixturevalue('s3')}{tmp_path}")
    return Blobs(str(tmp_path / "files") if request.param == "folder" else f"memory://{tmp_path}")


def test_a_file_goes_in_and_comes_out(blobs, tmp_path):
    assert blobs.names() == set() and blobs.part_names() == set()
    assert blobs.put([CONTENT[:7], CONTENT[7:]]) == (SHA256, len(CONTENT))
    assert blobs.put([CONTENT]) == (SHA256, len(CONTENT))
    assert blobs.has(SHA256) and blobs.names() == {SHA256} and not blobs.part_names()
    assert blobs.copy_to(SHA256, tmp_path / "copy").read_bytes() == CONTENT
    assert blobs.put_file(tmp_path / "copy")[0] == SHA256
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    assert blobs.is_older(SHA256, now + day) and not blobs.is_older(SHA256, now - day)
    assert blobs.answers() and not blobs.part_names()
    blobs.remove(SHA256)
    blobs.remove(SHA256)
    assert not blobs.has(SHA256) and not blobs.is_older(SHA256, now + day)


def test_slices_have_names_of_their_own(blobs):
    blobs.put_part("a-0", bytearray(b"first"))
    assert blobs.part_names() == {"a-0"} and b"".join(blobs.part_pieces("a-0")) == b"first"
    blobs.remove_part("a-0")
    assert blobs.part_names() == set()


def test_nothing_stays_of_a_file_that_was_not_complete(blobs):
    def pieces():
        yield b"begins"
        raise RuntimeError("stops")

    with pytest.raises(RuntimeError, match="stops"):
        blobs.put(pieces())
    assert blobs.names() == blobs.part_names() == set()


def test_a_file_that_is_missing_or_damaged_is_said_to_be_so(tmp_path):
    blobs = Blobs(tmp_path / "files")
    with pytest.raises(SensoriumError, match=f"file {SHA256} is missing"):
        blobs.copy_to(SHA256, tmp_path / "copy")
    blobs.put([CONTENT])
    (tmp_path / "files" / "blobs" / SHA256).write_bytes(CONTENT[1:])
    with pytest.raises(SensoriumError, match=f"file {SHA256} is damaged"):
        blobs.copy_to(SHA256, tmp_path / "copy")


class Away(fsspec.AbstractFileSystem):
    """Storage behind a network that is down: its package raises what is no OSError."""

    protocol = "away"

    def __getattribute__(self, name):
        if name in ("open", "ls", "exists", "makedirs", "mv", "rm", "modified"):
            raise RuntimeError("could not\nconnect")
        return super().__getattribute__(name)


@pytest.mark.parametrize(
    "call",
    [
        lambda blobs: blobs.put([CONTENT]),
        lambda blobs: blobs.put_part("a-0", b"first"),
        lambda blobs: blobs.names(),
        lambda blobs: blobs.part_names(),
        lambda blobs: blobs.has(SHA256),
        lambda blobs: blobs.remove(SHA256),
        lambda blobs: list(blobs.pieces(SHA256)),
        lambda blobs: blobs.is_older(SHA256, datetime.datetime.now(datetime.UTC)),
    ],
)
def test_storage_that_is_away_is_one_line(call):
    fsspec.register_implementation("away", Away, clobber=True)
    blobs = Blobs("away://board")
    with pytest.raises(SensoriumError, match="^away://board: cannot be .*: could not connect$"):
        call(blobs)
    assert not blobs.answers()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SensoriumError, match="file: cannot be read or written: File exists$"):
        Blobs(tmp_path / "file").put([CONTENT])


def test_free_space_is_that_of_a_folders_disk(tmp_path):
    assert Blobs(tmp_path / "files").free_bytes() > 0
    assert Blobs("memory://x").free_bytes() is None
