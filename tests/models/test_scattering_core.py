"""The core with a fixed front end."""

import numpy as np
import pytest

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import ScatteringCore
from sensorium_tf.models.ops.morlet import morlet

SMALL = {"n_angles": 4, "channels": 3, "n_blocks": 1, "hidden_kernel": 3, "seed": 1}


def grating(angle, wavelength=8 / 3, size=32):
    """Waves along an angle, in radians from the horizontal."""
    rows, columns = np.mgrid[:size, :size]
    along = columns * np.cos(angle) + rows * np.sin(angle)
    return np.sin(2 * np.pi * along / wavelength)[None, :, :, None].astype("float32")


@pytest.mark.parametrize("scale", [0, 1])
def test_wavelets_do_not_see_grey(scale):
    wave = morlet(scale, 0.3, 8)
    assert abs(wave.sum()) < 1e-6
    assert wave.shape[0] % 2 == 1 and wave.shape[0] == wave.shape[1]


@pytest.mark.parametrize("index", range(4))
def test_the_modulus_of_the_angle_of_a_grating_is_the_largest(index, to_numpy):
    core = ScatteringCore(phases=False, **SMALL)
    coefficients = to_numpy(core.transform(grating(np.pi * index / 4)))
    # The image under the window, then the finest scale, then the coarse one.
    finest = coefficients[0, 8, 8, 1:5]
    assert finest.argmax() == index and finest.max() > 2 * np.sort(finest)[-2]


@pytest.mark.parametrize(
    ("options", "coefficients"),
    [
        ({"phases": False}, 1 + 2 * 4),
        ({}, 1 + 2 * 4 + 2 * 2 * 4),
        ({"phases": False, "order": 2}, 1 + 2 * 4 + 4 * 4),
    ],
)
def test_coefficients_are_of_every_channel_and_have_no_weights(rng, options, coefficients):
    core = ScatteringCore(**SMALL, **options)
    images = rng.normal(size=(2, 25, 34, 3)).astype("float32")
    assert core.transform(images).shape == (2, 13, 17, 3 * coefficients)
    core.build(images.shape)
    assert core.mix.kernel.shape[2] == 3 * coefficients
    assert sum(weight.ndim == 4 for weight in core.weights) == 1 + 3


def test_behavior_stays_constant_over_the_map(to_numpy):
    core = ScatteringCore(phases=False, **SMALL)
    constant = to_numpy(core.transform(np.full((1, 20, 24, 1), 2.0, "float32")))
    np.testing.assert_allclose(constant - constant[:, :1, :1], 0, atol=1e-5)
    np.testing.assert_allclose(constant[..., 0], 2, rtol=1e-5)


def test_images_smaller_than_the_filters_are_refused():
    with pytest.raises(SensoriumError, match="n_scales 2: images of 4 x 64 pixels are smaller"):
        ScatteringCore(**SMALL).build((None, 4, 64, 1))
