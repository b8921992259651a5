"""Several levels of a core, read at one position."""

import keras
import numpy as np
import pytest
from small_models import OneLayerCore, inputs, small_model

from sensorium_tf import SensoriumError
from sensorium_tf.models import (
    FiringRateModel,
    MultiLevelGaussianReadout,
    copy_weights,
    sample_bilinear,
)
from sensorium_tf.testing import check_model

LEVELS = [(None, 6, 8, 2), (None, 3, 4, 3)]


def test_each_level_is_read_at_the_neurons_positions(rng, to_numpy):
    readout = MultiLevelGaussianReadout(4, seed=1)
    readout.build(LEVELS)
    readout.set_coordinates(rng.normal(size=(4, 3)))
    readout.features.assign(rng.normal(size=(4, 5)))
    maps = [rng.normal(size=(2, *shape[1:])).astype("float32") for shape in LEVELS]
    shift = rng.normal(0, 0.1, size=(2, 2)).astype("float32")
    positions = to_numpy(readout.positions())[None] + shift[:, None]
    samples = [to_numpy(sample_bilinear(each, positions)) for each in maps]
    expected = (np.concatenate(samples, -1) * to_numpy(readout.features)).sum(-1)
    got = to_numpy(readout(maps, shift=shift))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    readout.sigma.assign(0 * readout.sigma)
    drawn = to_numpy(readout(maps, shift=shift, training=True))
    np.testing.assert_allclose(drawn, expected, rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def model():
    coordinates = {"a": np.random.default_rng(0).normal(size=(3, 3))}
    options = {"n_blocks": 2, "seed": 1, "track": "sensorium_plus"}
    return small_model(coordinates, readout="multi_level_gaussian", **options)


def test_the_sensorium_core_offers_its_stem_and_blocks(model, rng, to_numpy):
    images = rng.normal(size=(2, 36, 64, 4)).astype("float32")
    levels = model.core.levels(images)
    assert [tuple(each.shape) for each in levels] == [(2, 28, 56, 4)] * 3
    np.testing.assert_array_equal(to_numpy(levels[-1]), to_numpy(model.core(images)))
    assert model.readouts["a"].features.shape == (3, 12)


def test_a_model_of_it_is_called_saved_and_probed_like_any(model, rng, to_numpy, tmp_path):
    check_model(model)
    given = {
        "image": rng.normal(size=(2, 36, 64, 4)).astype("float32"),
        "pupil_center": rng.normal(size=(2, 2)).astype("float32"),
    }
    one = model.for_mouse("a")
    np.testing.assert_allclose(to_numpy(one(given)), to_numpy(model({"a": given})["a"]), rtol=1e-5)
    # The core pays in the single model, too.
    assert sum(map(float, one.losses)) == pytest.approx(
        sum(map(float, model.penalties().values())), rel=1e-5
    )
    one.save(tmp_path / "one.keras")
    again = keras.models.load_model(tmp_path / "one.keras")
    np.testing.assert_array_equal(to_numpy(again(given)), to_numpy(one(given)))


def test_another_model_starts_from_it(model):
    other = small_model(
        {"a": np.random.default_rng(0).normal(size=(3, 3))},
        track="sensorium_plus",
        readout="multi_level_gaussian",
        n_blocks=2,
        seed=2,
    )
    assert copy_weights(model, other) == ("a",)


def test_a_core_of_one_level_is_refused_in_one_line():
    with pytest.raises(SensoriumError, match="2 levels or more, but the core has only 1: use "):
        FiringRateModel(OneLayerCore(), {"a": MultiLevelGaussianReadout(3)}, inputs=inputs())
