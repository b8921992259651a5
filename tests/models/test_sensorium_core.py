"""The core: shapes, normalisation, smoothness penalty."""

import numpy as np
import pytest

from sensorium_tf import errors
from sensorium_tf.models import SensoriumCore, laplace_norm

SMALL = {"input_kernel": 5, "hidden_kernel": 3}


def test_the_published_core_maps_36_x_64_images_to_28_x_56_features(rng):
    core = SensoriumCore()
    assert core.compute_output_shape((None, 36, 64, 4)) == (None, 28, 56, 64)
    assert core(rng.normal(size=(2, 36, 64, 4)).astype("float32")).shape == (2, 28, 56, 64)
    kernels = [tuple(weight.shape) for weight in core.trainable_weights if weight.ndim == 4]
    block = [(1, 1, 64, 64), (7, 7, 64, 1), (1, 1, 64, 64)]
    assert sorted(kernels) == sorted([(9, 9, 4, 64)] + 3 * block)
    assert not any("bias" in weight.name for weight in core.weights)


def test_the_laplace_norm_equals_one_worked_out_by_hand(to_numpy):
    # A single 1 in the middle: its own place gives 4, its four neighbours -1 each.
    middle = np.zeros((3, 3, 1, 1), "float32")
    middle[1, 1] = 1
    assert to_numpy(laplace_norm(middle)) == pytest.approx(16 + 4)
    # In a corner two neighbours lie outside.
    corner = np.zeros((3, 3, 1, 1), "float32")
    corner[0, 0] = 1
    assert to_numpy(laplace_norm(corner)) == pytest.approx(16 + 2)
    # All ones: 4 - 2 = 2 in corners, 4 - 3 = 1 on edges, 0 inside.
    assert to_numpy(laplace_norm(np.ones((3, 3, 2, 5), "float32"))) == pytest.approx(20 / 9)
    # The norm is of all kernels together, not a mean over them.
    both = np.concatenate([middle, 3 * corner], axis=-1)
    assert to_numpy(laplace_norm(both)) == pytest.approx((20 + 9 * 18) / 10)


def test_a_pass_pays_the_weighted_norm_of_the_stem(to_numpy):
    core = SensoriumCore(hidden_channels=4, n_blocks=1, laplace_penalty=2.5, **SMALL)
    core.build((None, 12, 16, 1))
    expected = 2.5 * to_numpy(laplace_norm(core.stem.kernel))
    assert to_numpy(core.penalty()) == pytest.approx(expected)


def test_figures_are_shown_the_kernels_of_the_stem(to_numpy):
    core = SensoriumCore(hidden_channels=4, n_blocks=0, **SMALL)
    core.build((None, 12, 16, 3))
    np.testing.assert_array_equal(core.first_layer(), to_numpy(core.stem.kernel))
    assert core.first_layer().shape == (5, 5, 3, 4)


def test_a_linear_core_is_affine_and_an_elu_core_is_not(rng, to_numpy):
    a, b = rng.normal(size=(2, 1, 12, 16, 1)).astype("float32")
    for activation, affine in (("linear", True), ("elu", False)):
        core = SensoriumCore(hidden_channels=4, n_blocks=2, activation=activation, seed=1, **SMALL)
        middle = to_numpy(core((a + b) / 2))
        mean = (to_numpy(core(a)) + to_numpy(core(b))) / 2
        assert np.allclose(middle, mean, atol=1e-6) == affine


def test_running_statistics_are_nine_tenths_of_the_last_batch(rng, to_numpy):
    core = SensoriumCore(hidden_channels=4, n_blocks=0, seed=1, **SMALL)
    images = rng.normal(size=(6, 12, 16, 1)).astype("float32")
    core(images, training=True)
    stem = to_numpy(core.stem(images))
    np.testing.assert_allclose(
        to_numpy(core.stem_norm.moving_mean), 0.9 * stem.mean((0, 1, 2)), atol=1e-6
    )
    np.testing.assert_allclose(
        to_numpy(core.stem_norm.moving_variance), 0.1 + 0.9 * stem.var((0, 1, 2)), rtol=1e-5
    )


def test_kernels_start_xavier_normal(to_numpy):
    core = SensoriumCore(seed=3)
    core.build((None, 36, 64, 4))
    into, spatial, _ = core.blocks[0]
    for kernel, fans in (
        (core.stem.kernel, 81 * (4 + 64)),
        (into.kernel, 64 + 64),
        (spatial.kernel, 49 * (1 + 64)),
    ):
        assert to_numpy(kernel).std() == pytest.approx(np.sqrt(2 / fans), rel=0.05)
    beyond_two_sigma = np.abs(to_numpy(core.stem.kernel)) > 2 * np.sqrt(2 / (81 * 68))
    assert beyond_two_sigma.mean() == pytest.approx(0.0455, abs=0.01)


def test_full_kernels_take_the_place_of_depthwise_ones(rng):
    core = SensoriumCore(hidden_channels=4, n_blocks=2, depth_separable=False, **SMALL)
    assert core(rng.normal(size=(2, 12, 16, 1)).astype("float32")).shape == (2, 8, 12, 4)
    kernels = [tuple(weight.shape) for weight in core.trainable_weights if weight.ndim == 4]
    assert kernels == [(5, 5, 1, 4), (3, 3, 4, 4), (3, 3, 4, 4)]


def test_options_beside_the_published_ones_leave_the_first_weights_as_they_are():
    plain, gained = (
        SensoriumCore(hidden_channels=4, n_blocks=2, seed=1, **SMALL, **more)
        for more in ({}, {"squeeze_excite": 2, "dropout": 0.3})
    )
    for core in (plain, gained):
        core.build((None, 12, 16, 1))
    ours, theirs = plain.get_weights(), gained.get_weights()
    assert len(theirs) == len(ours) + 2 * 4
    for one, other in zip(ours, theirs, strict=False):
        np.testing.assert_array_equal(one, other)


def test_dropout_acts_in_training_alone(rng, to_numpy):
    images = rng.normal(size=(2, 12, 16, 1)).astype("float32")
    cores = [
        SensoriumCore(hidden_channels=4, n_blocks=1, seed=1, dropout=rate, **SMALL)
        for rate in (0.0, 0.5)
    ]
    plain, dropped = (to_numpy(core(images, training=True)) for core in cores)
    assert np.mean(dropped == 0) > 0.3 and not (plain == 0).any()
    plain, dropped = (to_numpy(core(images)) for core in cores)
    np.testing.assert_array_equal(plain, dropped)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"activation": "relu"}, "SensoriumCore: activation 'relu': did you mean elu?"),
        ({"hidden_channels": 0}, "hidden_channels"),
        ({"n_blocks": -1}, "n_blocks -1: expected at least 0"),
        ({"laplace_penalty": -1.0}, "laplace_penalty"),
        ({"channels": 3}, "channels: no such option: did you mean hidden_channels"),
        ({"seed": -1}, "seed -1: expected a whole number"),
    ],
)
def test_impossible_cores_are_refused_by_name(arguments, named):
    with pytest.raises(errors.SensoriumError, match=named):
        SensoriumCore(**arguments)


def test_images_smaller_than_the_kernel_are_refused():
    with pytest.raises(errors.SensoriumError, match="input_kernel 9: images of 8 x 64 pixels"):
        SensoriumCore().build((None, 8, 64, 1))
