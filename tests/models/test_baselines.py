"""The published baselines, made by name."""

import dataclasses

import numpy as np
import pytest

from sensorium_tf import errors
from sensorium_tf.models import BaselineSettings, baseline

SMALL = BaselineSettings(hidden_channels=4)


@pytest.fixture
def coordinates(rng):
    return {"mouse3": rng.normal(size=(5, 3)), "mouse1": rng.normal(size=(3, 2))}


@pytest.mark.parametrize(
    ("name", "activation", "n_blocks"), [("cnn", "elu", 3), ("ln", "linear", 2)]
)
@pytest.mark.parametrize(
    ("track", "channels", "has_shifters"), [("sensorium", 1, False), ("sensorium_plus", 4, True)]
)
def test_a_baseline_has_the_published_architecture(
    coordinates, name, activation, n_blocks, track, channels, has_shifters
):
    model = baseline(name, coordinates, track=track)
    assert model.mice == ("mouse3", "mouse1")
    assert model.image_shape == (36, 64, channels)
    core = model.core
    assert (core.activation, core.n_blocks, core.hidden_channels) == (activation, n_blocks, 64)
    assert (core.input_kernel, core.hidden_kernel, core.laplace_penalty) == (9, 7, 6.3831)
    assert [readout.n_neurons for readout in model.readouts.values()] == [5, 3]
    for readout in model.readouts.values():
        assert (readout.covariance, readout.positions) == ("full", "predicted")
        assert (readout.sigma_init, readout.feature_penalty) == (0.1, 0.0076)
        assert readout.hidden_units == 30
    assert list(model.shifters) == (["mouse3", "mouse1"] if has_shifters else [])
    for shifter in model.shifters.values():
        assert (shifter.hidden_units, shifter.n_layers) == (5, 3)


def test_the_published_cnn_has_as_many_weights_as_the_published_file():
    model = baseline("cnn", {"mouse1": np.zeros((10, 3))})
    core = 81 * 64 + 2 * 64 + 3 * (2 * 64 * 64 + 49 * 64 + 2 * 64)
    readout = 10 * (4 + 64 + 1) + 2 * 30 + 30 + 30 * 2 + 2
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == core + readout


def test_settings_reach_the_layers(coordinates):
    settings = BaselineSettings(
        hidden_channels=4,
        input_kernel=5,
        hidden_kernel=3,
        n_blocks=1,
        laplace_penalty=0.5,
        covariance="isotropic",
        positions="free",
        position_hidden_units=6,
        sigma_init=0.2,
        feature_penalty=0.1,
        shifter_hidden_units=7,
        shifter_layers=2,
        shifter=False,
    )
    defaults = dataclasses.asdict(BaselineSettings())
    assert all(value != defaults[name] for name, value in dataclasses.asdict(settings).items())
    model = baseline("cnn", coordinates, track="sensorium_plus", settings=settings)
    assert not model.shifters
    settings = dataclasses.replace(settings, shifter=True)
    model = baseline("cnn", coordinates, track="sensorium_plus", settings=settings)
    core, readout, shifter = model.core, model.readouts["mouse1"], model.shifters["mouse1"]
    assert (core.hidden_channels, core.input_kernel, core.hidden_kernel) == (4, 5, 3)
    assert (core.n_blocks, core.laplace_penalty) == (1, 0.5)
    assert (readout.covariance, readout.positions, readout.hidden_units) == ("isotropic", "free", 6)
    assert (readout.sigma_init, readout.feature_penalty) == (0.2, 0.1)
    assert (shifter.hidden_units, shifter.n_layers) == (7, 2)


def test_the_same_seed_makes_the_same_model_and_another_seed_another(coordinates):
    first, again, other = (
        baseline("ln", coordinates, track="sensorium_plus", settings=SMALL, seed=seed)
        for seed in (1, 1, 2)
    )
    for ours, theirs in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    kernel = first.core.stem.kernel.path
    assert kernel
    assert not np.array_equal(first.core.stem.get_weights()[0], other.core.stem.get_weights()[0])


def test_no_two_parts_start_with_the_same_numbers(coordinates):
    coordinates["mouse1"] = coordinates["mouse3"]
    model = baseline("cnn", coordinates, track="sensorium_plus", settings=SMALL, seed=1)
    a, b = model.mice
    for part in (model.readouts, model.shifters):
        drawn = [w for layer in (part[a], part[b]) for w in layer.get_weights() if w.std() > 0]
        drawn = [w for w in drawn if not np.array_equal(w, model.readouts[a].coordinates)]
        for i, weight in enumerate(drawn):
            for other in drawn[:i]:
                assert weight.shape != other.shape or not np.array_equal(weight, other)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": "vit"}, "model 'vit': unknown, expected cnn or ln"),
        (
            {"track": "sensorium+"},
            r"track 'sensorium\+': unknown, expected sensorium or sensorium_plus",
        ),
        ({"coordinates": {}}, "at least one mouse"),
        ({"coordinates": {"mouse1": np.full((3, 2), np.inf)}}, "readout_mouse1: .* finite"),
    ],
)
def test_what_there_is_not_is_refused(coordinates, arguments, said):
    with pytest.raises(errors.SensoriumError, match=said):
        baseline(**{"name": "ln", "coordinates": coordinates, "settings": SMALL, **arguments})
