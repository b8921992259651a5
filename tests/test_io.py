import errno
import os

import numpy as np
import pytest
from small_models import small_model

from sensorium_tf import SensoriumError
from sensorium_tf.io import atomic_write, remove_leftovers
from sensorium_tf.runs import save_model


def test_a_file_appears_complete_with_the_folders_above_it(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    with atomic_write(path) as file:
        file.write("µm\r\n")
        assert not path.exists()
    assert path.read_bytes() == "µm\r\n".encode()
    assert [file.name for file in path.parent.iterdir()] == ["file.txt"]


def test_bytes_can_be_written(tmp_path):
    with atomic_write(tmp_path / "file", "wb") as file:
        file.write(b"\x00\xff")
    assert (tmp_path / "file").read_bytes() == b"\x00\xff"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_write(path) as file:
        file.write("half")
        raise error
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["file.txt"]


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path):
    path = tmp_path / "file.txt"
    with pytest.raises(SensoriumError, match=r"file\.txt: cannot be written: No space left"):  # noqa: SIM117
        with atomic_write(path) as file:
            file.write("half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert [file.name for file in tmp_path.iterdir()] == []


def test_an_error_of_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"other\.txt"), atomic_write(tmp_path / "file"):
        (tmp_path / "other.txt").read_text()


def test_a_path_that_cannot_be_a_file_is_refused(tmp_path):
    with pytest.raises(SensoriumError, match="is a folder"), atomic_write(tmp_path):
        pytest.fail("the block ran")
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "x", tmp_path / "file" / "x" / "y"):
        with pytest.raises(SensoriumError, match="/file: is a file, exp"), atomic_write(path):
            pytest.fail("the block ran")


def test_a_new_file_has_the_permissions_of_any_other(tmp_path):
    (tmp_path / "plain").write_text("")
    with atomic_write(tmp_path / "file"):
        pass
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_other_modes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="mode 'a'"), atomic_write(tmp_path / "file", "a"):
        pytest.fail("the block ran")


def test_what_killed_processes_left_of_a_file_is_removed(tmp_path):
    path = tmp_path / "file[1].txt"
    names = (".file[1].txt.0123abcd.tmp", ".file[1].txt.89abcdef.tmp", ".file.txt.0123abcd.tmp")
    left, young, other = (tmp_path / name for name in names)
    for each in (left, young, other):
        each.write_text("half")
    for each in (left, other):
        os.utime(each, (0, 0))
    with atomic_write(path) as file:
        file.write("whole")
    assert {*tmp_path.iterdir()} == {path, young, other}


def test_what_another_process_is_still_writing_is_left_alone(tmp_path):
    with atomic_write(tmp_path / "file") as first:
        (temporary,) = tmp_path.iterdir()
        os.utime(temporary, (0, 0))
        with atomic_write(tmp_path / "file") as second:
            second.write("second")
        first.write("first")
    assert (tmp_path / "file").read_text() == "first"


def write(kind, path):
    if kind == "text":
        with atomic_write(path) as file:
            file.write("text")
    else:
        save_model(small_model({"full": np.zeros((1, 2))}, model="ln"), path)


@pytest.mark.parametrize(("kind", "suffix"), [("text", ".tmp"), ("model", ".keras")])
def test_a_file_is_guarded_until_it_has_its_name(tmp_path, monkeypatch, kind, suffix):
    path, really_sync, guarded = tmp_path / "file.keras", os.fsync, []

    def sync(number):
        for temporary in tmp_path.glob(f".*{suffix}"):
            os.utime(temporary, (0, 0))
            remove_leftovers(path, suffix)
            guarded.append(temporary.exists())
        really_sync(number)

    monkeypatch.setattr(os, "fsync", sync)
    write(kind, path)
    assert guarded == [True] and [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("kind", ["text", "model"])
def test_a_file_and_its_folder_are_on_the_disk_before_anything_goes_on(tmp_path, monkeypatch, kind):
    path, synced, really_sync = tmp_path / "file.keras", [], os.fsync

    def sync(number):
        synced.append((os.path.samestat(os.fstat(number), tmp_path.stat()), path.exists()))
        really_sync(number)

    monkeypatch.setattr(os, "fsync", sync)
    write(kind, path)
    # The content under its temporary name, then the folder, which has the new name by then.
    assert synced == [(False, False), (True, True)]
