"""The core that makes images smaller itself."""

import numpy as np
import pytest

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import LearnedStemCore, laplace_norm


def test_full_images_give_a_map_as_large_as_the_published_one():
    core = LearnedStemCore(patch_channels=2, channels=[2, 3, 5], hidden_kernel=3)
    assert core.compute_output_shape((None, 144, 256, 2)) == (None, 28, 56, 5)


def test_blocks_may_widen(rng):
    core = LearnedStemCore(
        patch_channels=2, patch=2, input_kernel=3, channels=[3, 5, 7], hidden_kernel=3
    )
    maps = core.levels(rng.normal(size=(2, 12, 18, 1)).astype("float32"))
    assert [each.shape[1:] for each in maps] == [(4, 7, width) for width in (3, 5, 7)]


def test_the_large_kernels_are_smooth_and_the_fine_ones_are_shown(to_numpy):
    core = LearnedStemCore(patch_channels=2, channels=[3], laplace_penalty=2.0, seed=1)
    core.build((None, 40, 48, 1))
    expected = 2 * to_numpy(laplace_norm(core.large.kernel))
    np.testing.assert_allclose(to_numpy(core.penalty()), expected, rtol=1e-5)
    assert core.first_layer().shape == (4, 4, 1, 2)


@pytest.mark.parametrize("channels", [[], [8, 0]])
def test_widths_have_to_be_numbers_of_channels(channels):
    with pytest.raises(SensoriumError, match=r"channels \[.*\]: expected one number of at least 1"):
        LearnedStemCore(channels=channels)


def test_small_images_are_refused_with_the_size_that_they_need():
    with pytest.raises(SensoriumError, match="images of 32 x 64 pixels are smaller than 36"):
        LearnedStemCore().build((None, 32, 64, 1))
