"""The core of residual blocks."""

import numpy as np
import pytest

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import ResidualCore

SMALL = {"channels": 3, "input_kernel": 5, "seed": 1}


@pytest.mark.parametrize(("stride", "size"), [(1, (12, 20)), (2, (6, 10))])
def test_the_map_is_halved_once_at_most(rng, stride, size):
    core = ResidualCore(stride=stride, **SMALL)
    images = rng.normal(size=(2, 16, 24, 1)).astype("float32")
    assert core(images).shape == (2, *size, 3)
    assert core.compute_output_shape((None, 16, 24, 1)) == (None, *size, 3)


def test_what_a_block_is_given_goes_on(rng, to_numpy):
    core = ResidualCore(n_blocks=1, **SMALL)
    images = rng.normal(size=(2, 16, 24, 1)).astype("float32")
    core.build(images.shape)
    # Without what it adds, a block passes its features through ELU once more.
    core.blocks[0].second.norm.gamma.assign(np.zeros(3))
    stem, features = map(to_numpy, core.levels(images))
    np.testing.assert_allclose(features, np.where(stem > 0, stem, np.expm1(stem)), atol=1e-6)


def test_dropout_changes_features_in_training_alone(rng, to_numpy):
    images = rng.normal(size=(2, 16, 24, 1)).astype("float32")
    core = ResidualCore(dropout=0.5, **SMALL)
    first, second = (to_numpy(core(images, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(to_numpy(core(images)), to_numpy(core(images)))


def test_images_smaller_than_the_kernel_are_refused():
    with pytest.raises(SensoriumError, match="input_kernel 5: images of 4 x 24 pixels are smaller"):
        ResidualCore(**SMALL).build((None, 4, 24, 1))
