"""The published checkpoints, as models of ours, give what the published code computed."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from sensorium_tf.challenges import sensorium2022
from sensorium_tf.data.normalizing import normalize_images
from sensorium_tf.data.trials import Trials
from sensorium_tf.interop.pytorch import load_published, save_published

NETWORKS = {
    "sensorium_sota_model": ("cnn", "sensorium", "mouse1", 7776),
    "sensorium_ln_model": ("ln", "sensorium", "mouse1", 7776),
    "sensorium_p_sota_model": ("cnn", "sensorium_plus", "mouse2", 7538),
    "sensorium_p_ln_model": ("ln", "sensorium_plus", "mouse2", 7538),
}
CHANNELS = {"sensorium": 1, "sensorium_plus": 4}
REFERENCES = ("sensorium_sota_model", "sensorium_p_ln_model")


def published(shared, name):
    pytest.importorskip("torch", reason="torch reads the published checkpoints")
    return load_published(shared / "published" / f"{name}.pth")


@pytest.fixture(scope="module", params=REFERENCES)
def network(request, shared):
    """A published network, what its code computed, and its mouse."""
    model = published(shared, request.param)
    with np.load(shared / "reference" / f"{request.param}.npz") as reference:
        return model, dict(reference), model.mice[0]


@pytest.fixture
def signals(network):
    _, reference, _ = network
    taken = {"image": reference["inputs"].transpose(0, 2, 3, 1)}
    if "pupil_center" in reference:
        taken["pupil_center"] = reference["pupil_center"]
    return taken


def assert_close(ours, published):
    ours = ops.convert_to_numpy(ours)
    assert ours.shape == published.shape
    np.testing.assert_allclose(ours, published, rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_each_published_file_is_recognised(shared, name):
    baseline, track, mouse, n_neurons = NETWORKS[name]
    model = published(shared, name)
    assert (model.name, model.mice) == (baseline, (mouse,))
    assert model.image_shape == (36, 64, CHANNELS[track])
    assert (model.inputs.track, model.inputs.constants) == (track, {})
    assert bool(model.shifters) == (track == "sensorium_plus")
    assert model.readouts[mouse].n_neurons == n_neurons
    expected = {"cnn": ("elu", 3), "ln": ("linear", 2)}[baseline]
    assert (model.core.config.activation, model.core.config.n_blocks) == expected


def test_core_features_equal_the_published_ones(network, signals):
    model, reference, _ = network
    features = ops.convert_to_numpy(model.core(signals["image"][:2]))
    assert_close(features.transpose(0, 3, 1, 2), reference["core_features"])


def test_positions_and_shifts_equal_the_published_ones(network):
    model, reference, mouse = network
    assert_close(model.readouts[mouse].positions(), reference["positions"])
    assert bool(model.shifters) == ("shift" in reference)
    if model.shifters:
        assert_close(model.shifters[mouse](reference["pupil_center"]), reference["shift"])


def test_rates_equal_the_published_ones(network, signals):
    model, reference, mouse = network
    assert_close(model({mouse: signals})[mouse], reference["rates"])
    assert_close(model.for_mouse(mouse).predict(signals, verbose=0), reference["rates"])


def test_raw_images_through_the_pipeline_give_the_published_rates(network):
    model, reference, mouse = network
    images = normalize_images(
        reference["raw_images"].transpose(0, 2, 3, 1),
        reference["image_mean"],
        reference["image_std"],
        step=4,
    )
    n_trials, n_neurons = reference["rates"].shape
    track = "sensorium_plus" if model.shifters else "sensorium"
    trials = Trials(
        mouse=mouse,
        images=images,
        responses=np.zeros((n_trials, n_neurons), np.float32),
        signals={
            "behavior": reference["inputs"][:, 1:, 0, 0],
            "pupil_center": reference["pupil_center"],
        }
        if model.shifters
        else {},
        image_ids=np.arange(n_trials),
        trial_ids=np.arange(n_trials).astype(str),
        tiers=np.full(n_trials, "test"),
        neurons={},
    )
    rates = model.for_mouse(mouse).predict(
        trials.inputs(sensorium2022.CHALLENGE.inputs(track)), verbose=0
    )
    assert_close(rates, reference["rates"])


@pytest.mark.parametrize(
    ("ours", "published"),
    [("laplace", "core_regularizer"), ("features", "readout_regularizer")],
)
def test_penalties_equal_the_published_ones(network, ours, published):
    model, reference, _ = network
    penalty = ops.convert_to_numpy(model.penalties()[ours])
    assert penalty == pytest.approx(reference[published], rel=1e-5)


def test_published_coordinates_are_normalised_already(network):
    model, _, mouse = network
    readout = model.readouts[mouse]
    kept = ops.convert_to_numpy(readout.coordinates)
    assert np.abs(kept).max() == pytest.approx(1.0)
    readout.set_coordinates(500.0 * kept.astype("float64") + 30.0)
    np.testing.assert_allclose(ops.convert_to_numpy(readout.coordinates), kept, atol=1e-6)
    readout.coordinates.assign(kept)


def test_a_saved_and_loaded_model_gives_the_same_bits(network, signals, tmp_path):
    model, _, mouse = network
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    ours, theirs = (ops.convert_to_numpy(m({mouse: signals})[mouse]) for m in (loaded, model))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_exported_file_holds_the_published_weights(shared, tmp_path, name):
    torch = pytest.importorskip("torch", reason="torch reads the published checkpoints")
    save_published(published(shared, name), tmp_path / "back.pth")
    original = shared / "published" / f"{name}.pth"
    ours, theirs = (
        torch.load(path, weights_only=True, map_location="cpu")
        for path in (tmp_path / "back.pth", original)
    )
    assert set(ours) == set(theirs)
    for weight, tensor in theirs.items():
        if not weight.endswith("num_batches_tracked"):
            assert torch.equal(ours[weight], tensor), weight


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_every_backend_gives_the_published_numbers(shared, backend):
    if backend == keras.backend.backend():
        pytest.skip(reason="the tests above ran on this backend")
    for package in ("torch", backend):
        if importlib.util.find_spec(package) is None:
            pytest.skip(reason=f"{package} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", __file__, "-k", "not every_backend"],
        env={**os.environ, "KERAS_BACKEND": backend, "SENSORIUM_SHARED": str(shared)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout and "skipped" not in done.stdout
