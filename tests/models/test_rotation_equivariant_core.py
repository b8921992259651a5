"""The core whose kernels are shared among orientations."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.models import RotationEquivariantCore
from sensorium_tf.models.ops.rotation import rotations

SMALL = {"channels": 3, "input_kernel": 5, "hidden_kernel": 3, "n_blocks": 2, "seed": 1}


@pytest.mark.parametrize("n_rotations", [4, 8])
@pytest.mark.parametrize("training", [False, True])
def test_where_the_image_turns_the_map_turns_and_orientations_shift(
    rng, to_numpy, n_rotations, training
):
    core = RotationEquivariantCore(n_rotations=n_rotations, **SMALL)
    images = rng.normal(size=(2, 14, 14, 2)).astype("float32")

    def features(given):
        found = to_numpy(core(given, training=training))
        return found.reshape(*found.shape[:3], n_rotations, 3)

    straight = features(images)
    turned = features(np.rot90(images, axes=(1, 2)).copy())
    expected = np.roll(np.rot90(straight, axes=(1, 2)), n_rotations // 4, axis=3)
    np.testing.assert_allclose(turned, expected, atol=1e-4)
    assert not np.allclose(turned, np.rot90(straight, axes=(1, 2)), atol=1e-2)


@pytest.mark.parametrize("kernel", [4, 5])
def test_right_angles_turn_kernels_exactly(rng, kernel):
    matrices = rotations(kernel, 4)
    pixels = rng.normal(size=(kernel, kernel)).astype("float32")
    straight = (matrices[0] @ pixels.ravel()).reshape(kernel, kernel)
    for index in range(4):
        found = (matrices[index] @ pixels.ravel()).reshape(kernel, kernel)
        np.testing.assert_allclose(found, np.rot90(straight, index), atol=1e-6)


def test_a_bar_that_is_turned_halfway_is_oblique():
    bar = np.zeros((7, 7), "float32")
    bar[3, 1:6] = 1
    oblique = (rotations(7, 8)[1] @ bar.ravel()).reshape(7, 7)
    # Counterclockwise: up to the right.
    assert oblique[2, 4] > 0.4 and oblique[4, 2] > 0.4
    assert oblique[2, 2] < 0.1 and oblique[4, 4] < 0.1


def test_orientations_share_their_weights():
    core = RotationEquivariantCore(n_rotations=8, **SMALL)
    core.build((None, 14, 14, 1))
    assert core.compute_output_shape((None, 14, 14, 1)) == (None, 10, 10, 24)
    assert core.first_layer().shape == (5, 5, 1, 24)
    kernels = [tuple(weight.shape) for weight in core.trainable_weights if weight.ndim > 1]
    block = [(8, 3, 3), (3, 3, 3, 1), (8, 3, 3)]
    assert sorted(kernels, key=str) == sorted([(5, 5, 1, 3), *block, *block], key=str)


def test_dropout_acts_in_training_alone_and_leaves_the_kernels(rng, to_numpy):
    images = rng.normal(size=(2, 14, 14, 1)).astype("float32")
    plain, dropped = (
        RotationEquivariantCore(n_rotations=4, dropout=rate, **SMALL) for rate in (0.0, 0.5)
    )
    np.testing.assert_array_equal(to_numpy(dropped(images)), to_numpy(plain(images)))
    in_training = to_numpy(dropped(images, training=True))
    assert 0.4 < (in_training == 0).mean() < 0.6


def test_even_depthwise_kernels_are_refused():
    with pytest.raises(SensoriumError, match="hidden_kernel 4: expected an odd number"):
        RotationEquivariantCore(**{**SMALL, "hidden_kernel": 4})
