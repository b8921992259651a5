"""Downloading, from a server on this machine that stands in for the published address."""

import errno
import functools
import hashlib
import http.server
import os
import shutil
import threading
import zipfile
from pathlib import Path

import pytest
import tensorflow_datasets as tfds
from recording_files import recording_tree, write_zip

import sensorium_tf
from sensorium_tf import SensoriumError
from sensorium_tf.challenges import PublishedRecording, sensorium2022

CATALOG = sensorium2022.CHALLENGE.catalog


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serves a folder as the published address; returns the folder."""
    folder = tmp_path / "published"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        monkeypatch.setattr(
            PublishedRecording,
            "url",
            property(lambda self: f"http://127.0.0.1:{serving.server_port}/{self.stem}.zip"),
            raising=False,
        )
        yield folder
        serving.shutdown()
        thread.join()


def package_files() -> dict[Path, bytes]:
    """Every file of the package and of the dataset's folder, with its content."""
    return {
        path: path.read_bytes()
        for module in (sensorium_tf, sensorium_tf.datasets)
        for path in Path(module.__file__).parent.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_no_checksum_is_shipped_before_a_published_file_has_been_seen():
    shipped = Path(sensorium_tf.datasets.sensorium.__file__).with_name("checksums.tsv")
    assert shipped.read_bytes() == b""


def test_the_first_download_is_recorded_and_later_ones_are_checked(tmp_path, server):
    entry, data_dir = CATALOG["mouse1"], tmp_path / "data"
    before = package_files()
    path = write_zip(server / f"{entry.stem}.zip", recording_tree(), top=entry.stem)
    mouse = sensorium_tf.data.prepare("mouse1", data_dir=data_dir)
    assert mouse.n_neurons == 5
    assert mouse.session_key == entry.session_key
    record = data_dir / "downloads" / "sensorium" / f"{path.name}.checksums.tsv"
    url, size, checksum, name = record.read_text().strip().split("\t")
    assert (url, int(size), name) == (entry.url, path.stat().st_size, path.name)
    assert checksum == hashlib.sha256(path.read_bytes()).hexdigest()

    shutil.rmtree(mouse.data_path)
    for kept in record.parent.glob("*static*"):
        if kept != record:
            kept.unlink()
    write_zip(path, recording_tree(seed=5), top=entry.stem)
    with pytest.raises(SensoriumError, match="another checksum") as refused:
        sensorium_tf.data.prepare("mouse1", data_dir=data_dir)
    assert "\n" not in str(refused.value) and str(record) in str(refused.value)
    assert not list(data_dir.rglob("dataset_info.json"))

    # As the message says: what was downloaded is still there, and serves once it is accepted.
    path.unlink()
    record.unlink()
    assert sensorium_tf.data.prepare("mouse1", data_dir=data_dir).n_neurons == 5
    assert package_files() == before


def test_a_damaged_record_of_the_first_download_is_named(tmp_path, server):
    entry = CATALOG["mouse1"]
    write_zip(server / f"{entry.stem}.zip", recording_tree(), top=entry.stem)
    record = tmp_path / "data" / "downloads" / "sensorium" / f"{entry.stem}.zip.checksums.tsv"
    record.parent.mkdir(parents=True)
    record.write_text("half a line")
    with pytest.raises(SensoriumError, match="checksums.tsv: cannot be read .* delete it"):
        sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "data")


@pytest.mark.parametrize("note", ["", "[]", '{"urls'])
def test_a_note_that_was_cut_short_does_not_stop_a_download(tmp_path, server, note):
    entry = CATALOG["mouse1"]
    write_zip(server / f"{entry.stem}.zip", recording_tree(), top=entry.stem)
    downloads = tmp_path / "data" / "downloads" / "another"
    downloads.mkdir(parents=True)
    (downloads / "cut.zip.INFO").write_text(note)
    assert sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "data").n_neurons == 5


def test_a_file_that_is_not_at_the_address_is_one_line(tmp_path, server):
    with pytest.raises(SensoriumError, match="mouse1.*404") as refused:
        sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "data")
    assert "\n" not in str(refused.value)
    assert "--manual_dir" in str(refused.value)


def test_a_damaged_download_is_not_kept_nor_recorded(tmp_path, server):
    entry = CATALOG["mouse1"]
    path = server / f"{entry.stem}.zip"
    path.write_bytes(b"<html>sign in first</html>")
    with pytest.raises(SensoriumError, match="not a complete zip"):
        sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "data")
    assert not list((tmp_path / "data").rglob("*checksums.tsv"))
    write_zip(path, recording_tree(), top=entry.stem)
    assert sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "data").n_neurons == 5


def test_tfds_load_records_what_it_downloads(tmp_path, server):
    entry = CATALOG["mouse1"]
    before = package_files()
    write_zip(server / f"{entry.stem}.zip", recording_tree(), top=entry.stem)
    tfds.load("sensorium/mouse1", data_dir=tmp_path / "data")
    (record,) = (tmp_path / "data").rglob("*checksums.tsv")
    assert entry.url in record.read_text()
    assert package_files() == before


def test_a_download_that_cannot_be_read_is_kept(tmp_path, server, monkeypatch):
    entry = CATALOG["mouse1"]
    write_zip(server / f"{entry.stem}.zip", recording_tree(), top=entry.stem)

    def refuse(self, n_bytes=-1):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr(zipfile.ZipExtFile, "read", refuse)
        with pytest.raises(SensoriumError, match="cannot be read: Too many open files"):
            sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "data")
    assert list((tmp_path / "data").rglob("*.INFO"))
    (server / f"{entry.stem}.zip").unlink()
    assert sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "data").n_neurons == 5
