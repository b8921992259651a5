"""Downloading, from a server on this machine that stands in for the published address."""

import errno
import functools
import http.server
import os
import threading
import zipfile

import pytest
import tensorflow_datasets as tfds
from recording_files import recording_tree, write_zip
from sensorium_tf.datasets.sensorium import Builder

import sensorium_tf
from sensorium_tf import SensoriumError
from sensorium_tf.recordings import CATALOG, PublishedRecording


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
        )
        yield folder
        serving.shutdown()
        thread.join()


@pytest.fixture
def checksums(tmp_path, monkeypatch):
    """A checksum file of the test's own, as empty as the package's."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "checksums.tsv").write_text("")
    monkeypatch.setattr(Builder, "code_path", type(Builder.code_path)(folder / "builder.py"))
    monkeypatch.setattr(Builder, "url_infos", {})
    monkeypatch.setattr(
        Builder, "_checksums_path", type(Builder.code_path)(folder / "checksums.tsv")
    )
    return folder / "checksums.tsv"


def test_the_first_download_is_recorded_and_later_ones_are_checked(
    tmp_path, server, checksums, monkeypatch
):
    entry = CATALOG["mouse1"]
    path = write_zip(server / f"{entry.stem}.zip", recording_tree(), top=entry.stem)
    mouse = sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "first")
    assert mouse.n_neurons == 5
    assert mouse.session_key == entry.session_key
    url, size, _, name = checksums.read_text().strip().split("\t")
    assert (url, int(size)) == (entry.url, path.stat().st_size)
    assert name == path.name

    # A new process would read the file.
    from tensorflow_datasets.core.download import checksums as tfds_checksums

    monkeypatch.setattr(
        Builder, "url_infos", tfds_checksums.load_url_infos(type(Builder.code_path)(checksums))
    )
    write_zip(path, recording_tree(seed=5), top=entry.stem)
    with pytest.raises(SensoriumError, match="mouse1.*hecksum"):
        sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "second")
    assert not list((tmp_path / "second").rglob("dataset_info.json"))


def test_a_file_that_is_not_at_the_address_is_one_line(tmp_path, server, checksums):
    with pytest.raises(SensoriumError, match="mouse1.*404") as refused:
        sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "data")
    assert "\n" not in str(refused.value)
    assert "--manual_dir" in str(refused.value)


def test_a_damaged_download_is_not_kept_nor_recorded(tmp_path, server, checksums):
    entry = CATALOG["mouse1"]
    path = server / f"{entry.stem}.zip"
    path.write_bytes(b"<html>sign in first</html>")
    with pytest.raises(SensoriumError, match="not a complete zip"):
        sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "data")
    assert checksums.read_text() == ""
    write_zip(path, recording_tree(), top=entry.stem)
    assert sensorium_tf.data.prepare("mouse1", data_dir=tmp_path / "data").n_neurons == 5


def test_tfds_load_records_what_it_downloads(tmp_path, server, checksums):
    entry = CATALOG["mouse1"]
    write_zip(server / f"{entry.stem}.zip", recording_tree(), top=entry.stem)
    tfds.load("sensorium/mouse1", data_dir=tmp_path / "data")
    assert entry.url in checksums.read_text()


def test_a_download_that_cannot_be_read_is_kept(tmp_path, server, checksums, monkeypatch):
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
