"""Models are the same whatever Keras settings a user has."""

import contextlib

import keras
import numpy as np
import pytest
from small_models import small_model

from sensorium_tf.models.ops.precision import keras_defaults
from sensorium_tf.runs import load_model, save_model


def test_a_precision_holds_for_the_layers_that_are_made_inside():
    before = keras.config.dtype_policy()
    with pytest.raises(ZeroDivisionError), keras_defaults("mixed_bfloat16"):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
        _ = 1 / 0
    assert keras.config.dtype_policy() == before
    assert keras.layers.Dense(1).compute_dtype == "float32"


def test_a_precision_that_was_set_stays_where_no_other_is_asked_for():
    with keras_defaults("mixed_bfloat16"), keras_defaults():
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"


@contextlib.contextmanager
def in_keras_json(float_type, image_format):
    """Has the settings that a `keras.json` would give."""
    policy = keras.config.dtype_policy()
    keras.config.set_floatx(float_type)
    keras.config.set_image_data_format(image_format)
    keras.config.set_dtype_policy(float_type)
    try:
        yield
        assert keras.config.floatx() == float_type
        assert keras.config.image_data_format() == image_format
        assert keras.config.dtype_policy().name == float_type
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_image_data_format("channels_last")
        keras.config.set_dtype_policy(policy)


@pytest.mark.parametrize(
    ("float_type", "image_format"),
    [("float16", "channels_last"), ("float64", "channels_last"), ("float32", "channels_first")],
)
def test_a_model_computes_the_same_under_any_settings(
    tmp_path, rng, to_numpy, float_type, image_format
):
    def made():
        return small_model({"a": rng.normal(size=(5, 3))}, track="sensorium_plus", seed=2)

    inputs = {
        "image": rng.normal(size=(3, 36, 64, 4)).astype("float32"),
        "pupil_center": rng.normal(size=(3, 2)).astype("float32"),
    }
    places = rng.bit_generator.state
    model = made()
    save_model(model, tmp_path / "a.keras")
    expected = to_numpy(model({"a": inputs})["a"])
    rng.bit_generator.state = places
    with in_keras_json(float_type, image_format):
        anew, loaded = made(), load_model(tmp_path / "a.keras")
        found = [anew({"a": inputs})["a"], loaded({"a": inputs})["a"]]
        found.append(loaded.for_mouse("a")(inputs))
    for rates in map(to_numpy, found):
        assert rates.dtype == np.float32
        np.testing.assert_array_equal(rates, expected)
