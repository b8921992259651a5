"""Files that lie, never end or cannot be opened, whichever reader gets them."""

import errno
import os
import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
import tiny_files
from recording_files import recording_tree, write_zip
from small_models import small_model

from sensorium_tf import SensoriumError
from sensorium_tf.data import load_mouse, opening, prepare
from sensorium_tf.errors import AccessError
from sensorium_tf.interop.pytorch.checkpoint import read_state
from sensorium_tf.io import atomic_write
from sensorium_tf.reading import open_regular, read_json
from sensorium_tf.recordings import Recording
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.runs import RunStore, load_model, save_model
from sensorium_tf.scoring.label import read_label
from sensorium_tf.scoring.rows import Rows

REFUSALS = {
    errno.EACCES: "Permission denied (check its permissions)",
    errno.EMFILE: "Too many open files (close some files",
    errno.ESTALE: "Stale file handle (check the disk or the network drive",
    errno.EIO: "Input/output error (check the disk",
}
CSV = "trial_indices,image_ids,prediction,neuron_ids\n1,2,[0.5],[3]\n"


def resume(path):
    return RunStore(path.parents[1]).checkpoints.resume(lambda state, arrays: None)


READERS = {
    "recording.zip": lambda path: Recording(path).read("image"),
    "mouse_truth.npz": Truth.load,
    "model.keras": load_model,
    "run/config.json": lambda path: RunStore(path.parent).record(),
    "run/checkpoints/000000001.npz": resume,
    "network.pth": read_state,
    "submission.csv": lambda path: list(Rows(path, "prediction")),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder with a file for every reader that it takes, or that is well formed."""
    folder = tmp_path_factory.mktemp("good")
    write_zip(folder / "recording.zip", recording_tree())
    Truth(**tiny_files.TRUTH).save(folder / "mouse_truth.npz")
    save_model(small_model({"full": np.zeros((5, 2))}, model="ln"), folder / "model.keras")
    RunStore(folder / "run").checkpoints.save(1, {}, {"a": np.ones(3)})
    (folder / "run" / "config.json").write_text("{}")
    (folder / "submission.csv").write_text(CSV)
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.ones(3)}, folder / "network.pth")
    return folder


def refusal(read, path):
    """Returns the line with which a file is refused."""
    with pytest.raises(SensoriumError) as refused:
        read(path)
    text = str(refused.value)
    assert len(text) < 400 and "\n" not in text and str(path) in text, text
    return text


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_never_ends_is_not_read(tmp_path, name, kind):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with warnings.catch_warnings(action="ignore"):
        assert "is a pipe or a device, expected a regular file" in refusal(READERS[name], path)


@pytest.mark.parametrize("number", REFUSALS)
@pytest.mark.parametrize("name", READERS)
def test_a_file_that_may_not_be_opened_is_not_called_damaged(good, monkeypatch, name, number):
    really_open = os.open

    def refuse(path, *args, **kwargs):
        if str(path) == str(good / name):
            raise OSError(number, os.strerror(number), str(path))
        return really_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    assert_keeps_the_reason(good / name, READERS[name], number)


@pytest.mark.parametrize(
    "name", ["recording.zip", "mouse_truth.npz", "run/checkpoints/000000001.npz", "network.pth"]
)
def test_a_file_that_cannot_be_read_to_its_end_is_not_called_damaged(good, monkeypatch, name):
    def fail(self, n_bytes=-1):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(zipfile.ZipExtFile, "read", fail)
    assert_keeps_the_reason(good / name, READERS[name], errno.EIO)


def test_an_error_that_keras_meets_is_not_called_damage(good, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError(errno.ENFILE, os.strerror(errno.ENFILE))

    monkeypatch.setattr(keras.models, "load_model", fail)
    assert_keeps_the_reason(good / "model.keras", load_model, errno.ENFILE)


def assert_keeps_the_reason(path, read, number):
    with pytest.raises(AccessError) as refused:
        read(path)
    text = str(refused.value)
    assert str(path) in text and len(text) < 400
    assert f"cannot be read: {REFUSALS.get(number, os.strerror(number))}" in text
    assert not any(word in text for word in ("damaged", "delete", "download", "new --workdir"))


def test_a_folder_that_may_not_be_listed_is_not_called_something_else(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(AccessError, match="cannot be read: Permission denied"):
        Recording(tmp_path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EMFILE])
@pytest.mark.parametrize("write", ["text", "model"])
def test_what_may_not_be_written_keeps_its_reason(tmp_path, monkeypatch, write, number):
    def refuse(self, *args, **kwargs):
        raise OSError(number, os.strerror(number))

    path = tmp_path / "file.keras"
    model = small_model({"full": np.zeros((5, 2))}, model="ln")
    monkeypatch.setattr(*((Path, "open") if write == "text" else (keras.Model, "save")), refuse)
    with pytest.raises(AccessError) as refused:
        if write == "model":
            save_model(model, path)
        with atomic_write(path) as file:
            file.write("text")
    remedies = {errno.EACCES: "check its permissions", errno.EROFS: "choose another place"}
    text = f"{path}: cannot be written: {os.strerror(number)} ("
    assert str(refused.value).startswith(text + remedies.get(number, ""))


def test_a_folder_above_that_may_not_be_entered_is_named(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "is_dir", refuse)
    with pytest.raises(AccessError, match="file: cannot be written: Permission denied"):  # noqa: SIM117
        with atomic_write(tmp_path / "file"):
            pytest.fail("the block ran")


def test_a_label_that_may_not_be_read_is_left_out_with_the_reason(good, tmp_path, monkeypatch):
    (tmp_path / "submission.csv").write_text(CSV)
    (tmp_path / "submission.json").write_text("{}")

    def refuse(path, *args, **kwargs):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.warns(UserWarning, match=r"submission\.json: cannot be read: Permission"):
        assert read_label(tmp_path / "submission.csv") is None


def test_large_json_is_not_parsed(tmp_path):
    path = tmp_path / "config.json"
    path.write_bytes(b"[" + b"{}," * (4 << 20) + b"{}]")
    with pytest.raises(ValueError, match="more than 4,000,000 values"):
        read_json(path)
    assert "more than 4,000,000 values" in refusal(READERS["run/config.json"], path)
    os.truncate(path, 1 << 30)
    with pytest.raises(ValueError, match="more than 64 MiB of text"):
        read_json(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_recording_compressed_in_another_way_reads_the_same(tmp_path, method):
    path = write_zip(tmp_path / "r.zip", recording_tree())
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w", method) as to:
        for name in source.namelist():
            to.writestr(name, source.read(name))
    np.testing.assert_array_equal(Recording(other).read("image"), Recording(path).read("image"))


def test_names_that_no_file_can_have_are_one_line(tmp_path):
    with pytest.raises(SensoriumError, match="is not the name of a file"):
        open_regular(f"{tmp_path}/a\0b")
    with pytest.raises(AccessError, match="File name too long"):
        open_regular(tmp_path / ("a" * 5000))


@pytest.mark.parametrize("part", ["trials", "metadata"])
@pytest.mark.parametrize("error", ["system", "tensorflow"])
def test_prepared_data_that_may_not_be_read_are_not_called_damaged(
    prepared, monkeypatch, part, error
):
    mouse = load_mouse("full", data_dir=prepared)

    def refuse(*args, **kwargs):
        if error == "system":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "shard")
        raise tf.errors.PermissionDeniedError(None, None, "shard; Permission denied")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "as_dataset", refuse)
    monkeypatch.setattr(opening, "builder_of", refuse)
    with pytest.raises(AccessError, match="full'?: the prepared .* cannot be read:") as refused:
        if part == "trials":
            mouse.trials("train")
        else:
            load_mouse("full", data_dir=prepared)
    assert "ermission denied" in str(refused.value)
    assert "delete" not in str(refused.value) and "damaged" not in str(refused.value)


def test_a_data_folder_that_may_not_be_written_keeps_its_reason(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/data/shard")

    path = write_zip(tmp_path / "recording.zip", recording_tree())
    monkeypatch.setattr(tfds.core.GeneratorBasedBuilder, "download_and_prepare", refuse)
    with pytest.raises(AccessError) as refused:
        prepare("lab", recording=path, data_dir=tmp_path / "data")
    assert "/data/shard: Read-only file system (choose another place)" in str(refused.value)
