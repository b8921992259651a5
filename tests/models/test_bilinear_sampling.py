"""Samples between pixels, against a slow reference."""

import keras
import numpy as np
import pytest
from keras import ops

from sensorium_tf.models.ops.bilinear import gather_bilinear, sample_bilinear

HEIGHT, WIDTH = 5, 7


@pytest.fixture(params=[sample_bilinear, gather_bilinear], ids=["backend", "portable"])
def sample(request):
    return request.param


def slow_sample(features, positions):
    """Every pixel weighed by its distance from every sample; zero outside the map."""
    height, width = features.shape[1:3]
    column, row = ((positions + 1) / 2 * (width - 1, height - 1)).transpose(2, 0, 1)
    across = np.maximum(0, 1 - np.abs(np.arange(width) - column[..., None]))
    down = np.maximum(0, 1 - np.abs(np.arange(height) - row[..., None]))
    weights = np.broadcast_to(
        down[..., :, None] * across[..., None, :], (len(features), *down.shape[1:], width)
    )
    return np.einsum("bnij,bijc->bnc", weights, features)


@pytest.fixture
def features(rng):
    return rng.normal(size=(3, HEIGHT, WIDTH, 2)).astype("float32")


def x_of(column):
    return 2 * column / (WIDTH - 1) - 1


def y_of(row):
    return 2 * row / (HEIGHT - 1) - 1


def test_a_position_on_a_pixel_reads_that_pixel_alone(features, sample, to_numpy):
    places = [(0, 0), (0, WIDTH - 1), (HEIGHT - 1, 0), (HEIGHT - 1, WIDTH - 1), (2, 3)]
    positions = np.array([[(x_of(j), y_of(i)) for i, j in places]], dtype="float32")
    expected = np.stack([features[:, i, j] for i, j in places], axis=1)
    np.testing.assert_allclose(to_numpy(sample(features, positions)), expected, atol=1e-6)


def test_x_is_the_horizontal_axis(features, sample, to_numpy):
    positions = np.array([[(1.0, -1.0)]], dtype="float32")
    np.testing.assert_allclose(
        to_numpy(sample(features, positions))[:, 0], features[:, 0, -1], atol=1e-6
    )


def test_a_position_between_four_pixels_reads_their_mean(features, sample, to_numpy):
    positions = np.array([[(x_of(2.5), y_of(1.5))]], dtype="float32")
    expected = features[:, 1:3, 2:4].mean(axis=(1, 2))
    np.testing.assert_allclose(to_numpy(sample(features, positions))[:, 0], expected, atol=1e-6)


def test_samples_fade_over_one_pixel_beyond_the_border(features, sample, to_numpy):
    columns = [WIDTH - 1, WIDTH - 0.75, WIDTH - 0.5, WIDTH, WIDTH + 3, 1e6]
    positions = np.array([[(x_of(column), -1.0) for column in columns]], dtype="float32")
    shares = np.array([1, 0.75, 0.5, 0, 0, 0])[None, :, None]
    expected = shares * features[:, 0, -1][:, None]
    np.testing.assert_allclose(to_numpy(sample(features, positions)), expected, atol=1e-5)


@pytest.mark.parametrize("images_with_positions", [1, 3])
def test_samples_equal_a_slow_reference(features, rng, sample, to_numpy, images_with_positions):
    positions = rng.uniform(-1.7, 1.7, (images_with_positions, 60, 2)).astype("float32")
    samples = to_numpy(sample(features, positions))
    assert samples.shape == (3, 60, 2)
    np.testing.assert_allclose(samples, slow_sample(features, positions), atol=1e-5)


@pytest.mark.parametrize("images_with_positions", [1, 3])
def test_gradients_equal_finite_differences(
    features, rng, sample, gradients, images_with_positions
):
    positions = rng.uniform(-1.4, 1.4, (images_with_positions, 12, 2)).astype("float32")
    weights = rng.normal(size=(3, 12, 2)).astype("float32")

    to_features, to_positions = gradients(
        lambda f, p: ops.sum(sample(f, p) * ops.convert_to_tensor(weights)), features, positions
    )

    def slopes(array, which, step=1e-5):
        result = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = array.astype("float64")
                moved[index] += sign * step
                arguments = (moved, positions) if which == "features" else (features, moved)
                ends.append((slow_sample(*arguments) * weights).sum())
            result[index] = (ends[0] - ends[1]) / (2 * step)
        return result

    np.testing.assert_allclose(to_positions, slopes(positions, "positions"), atol=1e-3)
    np.testing.assert_allclose(to_features, slopes(features, "features"), atol=1e-4)


@pytest.mark.parametrize(("dtype", "precision"), [("float16", 5e-3), ("bfloat16", 5e-2)])
def test_half_precision_features_give_half_precision_samples(
    features, rng, sample, to_numpy, dtype, precision
):
    positions = rng.uniform(-1, 1, (3, 9, 2)).astype("float32")
    samples = sample(ops.cast(features, dtype), positions)
    assert keras.backend.standardize_dtype(samples.dtype) == dtype
    np.testing.assert_allclose(
        to_numpy(ops.cast(samples, "float32")), slow_sample(features, positions), atol=precision
    )


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="how TensorFlow asks for XLA")
def test_xla_compiles_sampling(features, rng):
    import tensorflow as tf

    positions = rng.uniform(-1.7, 1.7, (3, 20, 2)).astype("float32")
    compiled = tf.function(sample_bilinear, jit_compile=True)
    np.testing.assert_allclose(
        compiled(features, positions), slow_sample(features, positions), atol=1e-5
    )
