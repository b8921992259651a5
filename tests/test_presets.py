"""The published networks by name, without any network."""

import dataclasses
import hashlib
import io
import urllib.request

import numpy as np
import pytest
from small_models import small_model

import sensorium_tf
from sensorium_tf import SensoriumError, presets
from sensorium_tf.interop.pytorch import save_published
from sensorium_tf.presets import CHECKPOINTS
from sensorium_tf.runs import load_model

NAME = "cnn_2022_mouse1"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A small checkpoint in the place of the published one."""
    pytest.importorskip("torch", reason="torch writes a checkpoint in the place of the published")
    path = tmp_path_factory.mktemp("checkpoint") / CHECKPOINTS[NAME].file
    save_published(small_model({"mouse1": np.eye(5)[:, :3]}, hidden_channels=2), path)
    return path


@pytest.fixture
def known(checkpoint, monkeypatch):
    """Lets the small one be the published one."""
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    published = dataclasses.replace(CHECKPOINTS[NAME], sha256=digest)
    monkeypatch.setattr(presets, "CHECKPOINTS", {**CHECKPOINTS, NAME: published})


def refuse(*_, **__):
    raise OSError("Name or service not known")


def test_a_preset_is_converted_once_from_a_file_at_hand(checkpoint, known, tmp_path, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    model = sensorium_tf.from_preset(NAME, checkpoint=checkpoint, cache_dir=tmp_path)
    assert model.mice == ("mouse1",)
    monkeypatch.setattr(presets, "load_published", lambda _: pytest.fail("converted again"))
    for file in (None, checkpoint):
        again = sensorium_tf.from_preset(NAME, checkpoint=file, cache_dir=tmp_path)
        for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    other = tmp_path / "other.pth"
    other.write_bytes(b"another file")
    with pytest.raises(SensoriumError, match="other.pth"):
        sensorium_tf.from_preset(NAME, checkpoint=other, cache_dir=tmp_path)


def test_a_preset_is_downloaded_where_there_is_a_network(checkpoint, known, tmp_path, monkeypatch):
    asked = []

    def answer(request, timeout):
        asked.append(getattr(request, "full_url", request))
        return io.BytesIO(checkpoint.read_bytes())

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    sensorium_tf.from_preset(NAME, cache_dir=tmp_path)
    assert asked == [CHECKPOINTS[NAME].url] * 2  # the probe, and the file
    assert (tmp_path / checkpoint.name).read_bytes() == checkpoint.read_bytes()
    assert load_model(tmp_path / f"{NAME}.keras").mice == ("mouse1",)


def test_without_a_network_it_is_one_line_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(
        SensoriumError,
        match=r"no network \(.*not known\): get sensorium_sota_model.pth elsewhere and give",
    ):
        sensorium_tf.from_preset(NAME, cache_dir=tmp_path)
    assert not any(tmp_path.iterdir())


def test_another_file_than_the_published_one_is_refused(tmp_path):
    other = tmp_path / "other.pth"
    other.write_bytes(b"something else")
    with pytest.raises(SensoriumError, match="other.pth: sha256 .* expected 7a87989732c3.*"):
        sensorium_tf.from_preset(NAME, checkpoint=other, cache_dir=tmp_path / "cache")
    with pytest.raises(SensoriumError, match="no.pth: there is no such file: get sensorium_sota"):
        sensorium_tf.from_preset(NAME, checkpoint="no.pth", cache_dir=tmp_path / "cache")
    with pytest.raises(SensoriumError, match="cnn_2022: no such preset: did you mean cnn_2022_"):
        sensorium_tf.from_preset("cnn_2022")


def test_the_digests_are_those_of_the_published_files(shared):
    for each in CHECKPOINTS.values():
        content = (shared / "published" / each.file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == each.sha256
