"""From pupil center to shift."""

import numpy as np
import pytest

from sensorium_tf import errors
from sensorium_tf.models import MLPShifter


def test_the_shift_is_tanh_after_every_layer(rng, to_numpy):
    shifter = MLPShifter(seed=1)
    pupil_center = rng.normal(size=(7, 2)).astype("float32")
    shift = to_numpy(shifter(pupil_center))
    expected = pupil_center
    weights = shifter.get_weights()
    assert [weight.shape for weight in weights] == [(2, 5), (5,), (5, 5), (5,), (5, 2), (2,)]
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        expected = np.tanh(expected @ kernel + bias)
    np.testing.assert_allclose(shift, expected, atol=1e-6)


def test_weights_and_biases_start_within_one_over_the_root_of_fan_in():
    weights = MLPShifter(hidden_units=400, seed=1)
    weights.build((None, 2))
    for index, fan_in in enumerate((2, 400, 400)):
        bound = 1 / np.sqrt(fan_in)
        kernel, bias = weights.get_weights()[2 * index : 2 * index + 2]
        assert np.abs(kernel).max() <= bound
        assert np.abs(kernel).max() > 0.95 * bound
        assert np.abs(bias).max() <= bound
        assert bias.std() > 0.1 * bound


@pytest.mark.parametrize("arguments", [{"hidden_units": 0}, {"n_layers": 0}])
def test_an_empty_shifter_is_refused(arguments):
    with pytest.raises(
        errors.SensoriumError, match="MLPShifter: (hidden_units|n_layers) 0: expected at least 1"
    ):
        MLPShifter(**arguments)
