"""The precision in which new layers compute."""

import keras
import pytest

from sensorium_tf.models.ops.precision import precision


def test_a_precision_holds_for_the_layers_that_are_made_inside():
    before = keras.config.dtype_policy()
    with pytest.raises(ZeroDivisionError), precision("mixed_bfloat16"):
        assert keras.layers.Dense(1).compute_dtype == "bfloat16"
        _ = 1 / 0
    assert keras.config.dtype_policy() == before
    assert keras.layers.Dense(1).compute_dtype == "float32"
