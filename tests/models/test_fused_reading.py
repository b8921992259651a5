"""Weighted sums read off feature maps equal the plain way of computing them, gradients included."""

import keras
import numpy as np
import pytest
from keras import ops

from sensorium_tf.models import GaussianReadout
from sensorium_tf.models.ops.bilinear import gather_bilinear, sample_bilinear
from sensorium_tf.models.ops.reading import read_bilinear

# Sizes for which the border, as a position, is a number that floats hold exactly.
HEIGHT, WIDTH, CHANNELS, IMAGES = 5, 9, 6, 3


def plain(features, positions, weights):
    samples = gather_bilinear(features, positions)
    return ops.sum(samples * ops.convert_to_tensor(weights), axis=-1)


def places(rng, kind):
    """Positions `(images, neurons, 2)` of one kind."""
    inside = rng.uniform(-0.99, 0.99, (IMAGES, 40, 2))
    if kind == "inside":
        return inside
    if kind == "far outside":
        return inside + rng.choice([-3.0, 3.0], inside.shape)
    if kind == "fading":
        return inside * (1 + 2 / WIDTH) + np.sign(inside) * 0.1
    size = np.array([WIDTH, HEIGHT])
    pixels = np.stack([rng.integers(0, n, (IMAGES, 40)) for n in size], axis=-1)
    if kind == "on pixels":
        return 2 * pixels / (size - 1) - 1
    # On the border of the map, and where the last bit of a sample fades out.
    edges = rng.choice([-1.0, 1.0], (IMAGES, 40, 2))
    return np.where(rng.random(edges.shape) < 0.5, edges, edges * (size + 1) / (size - 1))


@pytest.mark.parametrize("kind", ["inside", "fading", "far outside", "on pixels", "on the border"])
def test_values_and_gradients_equal_the_plain_ones(rng, gradients, to_numpy, kind):
    features = rng.normal(size=(IMAGES, HEIGHT, WIDTH, CHANNELS)).astype("float32")
    positions = places(rng, kind).astype("float32")
    weights = rng.normal(size=(40, CHANNELS)).astype("float32")
    upstream = rng.normal(size=(IMAGES, 40)).astype("float32")
    ours, theirs = (to_numpy(read(features, positions, weights)) for read in (read_bilinear, plain))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)

    def slopes(read):
        return gradients(
            lambda *a: ops.sum(read(*a) * ops.convert_to_tensor(upstream)),
            features,
            positions,
            weights,
        )

    for ours, theirs, of in zip(
        slopes(read_bilinear), slopes(plain), ("features", "positions", "weights"), strict=True
    ):
        if of == "positions" and kind == "on the border" and keras.backend.backend() == "torch":
            # Where a sample has just faded out it has two slopes: PyTorch's kernel takes the other.
            inside = np.abs(positions) <= 1
            ours, theirs = ours[inside], theirs[inside]
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4, err_msg=of)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow alone has rounds")
@pytest.mark.parametrize("of_a_round", [1, 2, 3])
def test_images_that_would_take_much_memory_are_read_in_rounds(
    rng, gradients, monkeypatch, of_a_round
):
    from sensorium_tf.models.ops import fused_reading

    n_images, n_neurons = 7, 4
    features = rng.normal(size=(n_images, HEIGHT, WIDTH, CHANNELS)).astype("float32")
    positions = rng.uniform(-1.2, 1.2, (n_images, n_neurons, 2)).astype("float32")
    weights = rng.normal(size=(n_neurons, CHANNELS)).astype("float32")
    upstream = rng.normal(size=(n_images, n_neurons)).astype("float32")

    def measured():
        found = []

        def total(*given):
            found.append(ops.convert_to_numpy(read_bilinear(*given)))
            return ops.sum(read_bilinear(*given) * upstream)

        slopes = gradients(total, features, positions, weights)
        return [found[0], *slopes]

    at_once = measured()
    monkeypatch.setattr(fused_reading, "_MOST_BYTES", 0)
    monkeypatch.setattr(fused_reading, "_BYTES_OF_A_ROUND", of_a_round * 16 * n_neurons * CHANNELS)
    *same, of_weights = measured()
    for ours, theirs in zip(same, at_once, strict=False):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(of_weights, at_once[-1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("n_images", [1, 2, 5, 9])
def test_any_number_of_images_is_shared_out(rng, gradients, n_images):
    """The images are dealt to several threads, not always evenly."""
    features = rng.normal(size=(n_images, HEIGHT, WIDTH, CHANNELS)).astype("float32")
    positions = rng.uniform(-1, 1, (n_images, 4, 2)).astype("float32")
    weights = rng.normal(size=(4, CHANNELS)).astype("float32")
    ours, theirs = (
        gradients(lambda f, read=read: ops.sum(read(f, positions, weights)), features)[0]
        for read in (read_bilinear, plain)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_positions_can_be_shared_by_all_images(rng, gradients, to_numpy):
    features = rng.normal(size=(IMAGES, HEIGHT, WIDTH, CHANNELS)).astype("float32")
    positions = rng.uniform(-1, 1, (1, 4, 2)).astype("float32")
    weights = rng.normal(size=(4, CHANNELS)).astype("float32")
    ours, theirs = (to_numpy(read(features, positions, weights)) for read in (read_bilinear, plain))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    ours, theirs = (
        gradients(lambda p, read=read: ops.sum(read(features, p, weights)), positions)[0]
        for read in (read_bilinear, plain)
    )
    assert ours.shape == positions.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_features_give_half_precision_drives(rng, to_numpy, dtype):
    features = rng.normal(size=(IMAGES, HEIGHT, WIDTH, CHANNELS)).astype("float32")
    positions = rng.uniform(-1, 1, (IMAGES, 4, 2)).astype("float32")
    weights = rng.normal(size=(4, CHANNELS)).astype("float32")
    drives = read_bilinear(ops.cast(features, dtype), positions, ops.cast(weights, dtype))
    assert keras.backend.standardize_dtype(drives.dtype) == dtype
    expected = to_numpy(plain(features, positions, weights))
    np.testing.assert_allclose(to_numpy(ops.cast(drives, "float32")), expected, atol=0.1)


def test_training_and_evaluation_read_the_same_at_the_same_positions(rng, to_numpy):
    """They take different ways there on TensorFlow."""
    readout = GaussianReadout(9, sigma_init=0.0, seed=1)
    readout.build((None, HEIGHT, WIDTH, CHANNELS))
    readout.features.assign(rng.normal(size=(9, CHANNELS)))
    readout.set_coordinates(rng.normal(size=(9, 2)))
    features = rng.normal(size=(IMAGES, HEIGHT, WIDTH, CHANNELS)).astype("float32")
    shift = rng.normal(size=(IMAGES, 2)).astype("float32")
    trained, evaluated = (
        to_numpy(readout(features, shift=shift, training=training)) for training in (True, False)
    )
    np.testing.assert_allclose(trained, evaluated, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's fast way")
def test_the_gradient_of_the_features_is_the_same_bits_every_time(rng, gradients):
    """TensorFlow's own gradient of cropping promises no such thing."""
    features = rng.normal(size=(8, 28, 56, CHANNELS)).astype("float32")
    positions = rng.uniform(-0.1, 0.1, (8, 3000, 2)).astype("float32")
    weights = rng.normal(size=(3000, CHANNELS)).astype("float32")
    first, *others = (
        gradients(lambda f: ops.sum(read_bilinear(f, positions, weights)), features)[0]
        for _ in range(5)
    )
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's fast way")
def test_no_tensor_of_all_samples_is_made_in_training(rng):
    """Neither forward nor backward, outside of the XLA kernels."""
    import tensorflow as tf

    features = tf.constant(rng.normal(size=(IMAGES, HEIGHT, WIDTH, CHANNELS)), tf.float32)
    positions = tf.constant(rng.uniform(-1, 1, (IMAGES, 40, 2)), tf.float32)
    weights = tf.constant(rng.normal(size=(40, CHANNELS)), tf.float32)

    def step(read):
        with tf.GradientTape() as tape:
            tape.watch([features, positions, weights])
            loss = tf.reduce_sum(read(features, positions, weights))
        return tape.gradient(loss, [features, positions, weights])

    def samples(read):
        operations = tf.function(step).get_concrete_function(read).graph.get_operations()
        n_samples = IMAGES * 40 * CHANNELS
        return [
            o.name for o in operations for t in o.outputs if t.shape.num_elements() == n_samples
        ]

    def by_samples(features, positions, weights):
        return tf.reduce_sum(sample_bilinear(features, positions) * weights, axis=-1)

    assert samples(by_samples) and not samples(read_bilinear)
