"""The factorised core of movies."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.models import Factorised3dCore, laplace_norm
from sensorium_tf.models.ops.laplace import temporal_laplace_norm

SMALL = {"channels": (3, 4), "spatial_kernels": (5, 3), "temporal_kernels": (3, 2), "seed": 1}


@pytest.fixture
def movie(rng):
    return rng.normal(size=(2, 7, 12, 16, 1)).astype("float32")


def drawn(core, rng):
    """Draws the biases anew, which start at zero."""
    core.build((None, None, 12, 16, 1))
    for layer in (*core.spatial, *core.temporal):
        layer.bias.assign(rng.normal(size=layer.bias.shape))
    return core


def test_a_feature_is_that_of_the_formula(movie, rng, to_numpy):
    """In every layer: correlation in space, then in time, then batch normalisation and ELU."""
    core = drawn(Factorised3dCore(**SMALL), rng)
    expected = movie.astype("float64")
    for spatial, temporal in zip(core.spatial, core.temporal, strict=True):
        kernel, bias = spatial.get_weights()
        windows = np.lib.stride_tricks.sliding_window_view(expected, kernel.shape[:2], axis=(2, 3))
        expected = np.einsum("bthwcij,ijck->bthwk", windows, kernel) + bias
        kernel, bias = temporal.get_weights()
        windows = np.lib.stride_tricks.sliding_window_view(expected, len(kernel), axis=1)
        expected = np.einsum("bthwci,ick->bthwk", windows, kernel[:, 0]) + bias
        expected = expected / np.sqrt(1 + 1e-5)
        expected = np.where(expected > 0, expected, np.expm1(expected))
    assert expected.shape == (2, 4, 6, 10, 4)
    np.testing.assert_allclose(to_numpy(core(movie)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pad_past", [False, True])
def test_no_feature_knows_of_frames_to_come(pad_past, movie, rng, to_numpy):
    core = drawn(Factorised3dCore(pad_past=pad_past, **SMALL), rng)
    assert core.lost_frames == (0 if pad_past else 3)
    before = to_numpy(core(movie))
    for frame in range(7):
        changed = movie.copy()
        changed[:, frame] += 1
        differs = (to_numpy(core(changed)) != before).any((0, 2, 3, 4))
        frames = np.arange(core.lost_frames, 7)
        # Kernels of 3 and 2 frames: what was shown counts for itself and the three frames after.
        np.testing.assert_array_equal(differs, (frames >= frame) & (frames <= frame + 3))


def test_zeros_before_the_clip_change_the_first_frames_alone(movie, rng, to_numpy):
    plain, padded = (drawn(Factorised3dCore(pad_past=each, **SMALL), rng) for each in (False, True))
    padded.set_weights(plain.get_weights())
    long, short = to_numpy(padded(movie)), to_numpy(plain(movie))
    assert long.shape[1] == 7
    np.testing.assert_allclose(long[:, 3:], short, rtol=1e-4, atol=1e-5)


def test_levels_end_with_the_clip(movie, rng, to_numpy):
    core = drawn(Factorised3dCore(**SMALL), rng)
    first, last = core.levels(movie)
    assert (first.shape, last.shape) == ((2, 5, 8, 12, 3), (2, 4, 6, 10, 4))
    np.testing.assert_array_equal(to_numpy(last), to_numpy(core(movie)))


def test_a_linear_core_is_affine_and_an_elu_core_is_not(rng, to_numpy):
    a, b = rng.normal(size=(2, 1, 5, 12, 16, 1)).astype("float32")
    for activation, affine in (("linear", True), ("elu", False)):
        core = Factorised3dCore(activation=activation, **SMALL)
        middle = to_numpy(core((a + b) / 2))
        mean = (to_numpy(core(a)) + to_numpy(core(b))) / 2
        assert np.allclose(middle, mean, atol=1e-5) == affine


def test_the_temporal_norm_equals_one_worked_out_by_hand(to_numpy):
    # A single 1 in the middle gives 4 in its own place and -1 on both sides; at an end one of them.
    middle, end = np.zeros((2, 3, 1, 1), "float32")
    middle[1] = end[0] = 1
    assert to_numpy(temporal_laplace_norm(middle)) == pytest.approx(16 + 2)
    assert to_numpy(temporal_laplace_norm(end)) == pytest.approx(16 + 1)
    # All ones: 4 - 1 = 3 at both ends, 4 - 2 = 2 in the middle.
    assert to_numpy(temporal_laplace_norm(np.ones((3, 2, 5), "float32"))) == pytest.approx(22 / 3)


def test_a_pass_pays_for_the_first_layer_in_space_and_time(movie, rng, to_numpy):
    core = drawn(Factorised3dCore(laplace_penalty=2.0, temporal_laplace_penalty=0.5, **SMALL), rng)
    space = to_numpy(laplace_norm(core.spatial[0].kernel))
    time = to_numpy(temporal_laplace_norm(core.temporal[0].kernel[:, 0]))
    assert to_numpy(core.penalty()) == pytest.approx(2 * space + 0.5 * time, rel=1e-6)
    np.testing.assert_array_equal(core.first_layer(), to_numpy(core.spatial[0].kernel))


def test_layers_of_other_numbers_and_small_frames_are_one_line():
    with pytest.raises(SensoriumError, match=r"temporal_kernels \[3\]: expected .* 2 layer"):
        Factorised3dCore(**{**SMALL, "temporal_kernels": (3,)})
    with pytest.raises(SensoriumError, match=r"channels \[\]: expected"):
        Factorised3dCore(channels=(), spatial_kernels=(), temporal_kernels=())
    with pytest.raises(SensoriumError, match=r"spatial_kernels \[5, 3\]: .* 6 x 9 .* than 7"):
        Factorised3dCore(**SMALL).build((None, None, 6, 9, 1))
