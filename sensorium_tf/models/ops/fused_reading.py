"""TensorFlow's way of reading feature maps in training: XLA loops that keep no samples.

A batch of 128 images and 8,000 neurons has 64 million samples. Written out as a chain of
operations, reading them and their gradients would move that tensor through memory about ten times.
Each function here is one XLA kernel instead that gathers, weighs and sums on the fly; what the
gradients need of the samples they gather again. Forward and backward take half as long as with
TensorFlow's own cropping operation, whose gradient, besides, adds without a lock where two threads
meet.
"""

import os
from itertools import pairwise

import tensorflow as tf

from sensorium_tf.models.ops.corners import find_corners

# XLA scatters with one thread: several scatters, each of some images, share the processor.
_SCATTERS = min(os.cpu_count() or 1, 8)
# Scatters keep four pixels for each sample in memory. As much as this is kept at once; where it
# would be more, as with the frames of movies, the images are read in rounds that keep less.
_MOST_BYTES, _BYTES_OF_A_ROUND = 3 << 29, 1 << 28


def fused_read(features: tf.Tensor, positions: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Does what `read_bilinear` does.

    Args:
        features: `(batch, height, width, channels)`.
        positions: `(batch, neurons, 2)`, or `(1, neurons, 2)` for the same ones in every image.
        weights: `(neurons, channels)`.

    Returns:
        `(batch, neurons)`, in the dtype of `features`.
    """
    shape = (tf.shape(features)[0], *positions.shape[1:])
    drives = _read(
        tf.cast(features, tf.float32),
        tf.broadcast_to(tf.cast(positions, tf.float32), shape),
        tf.cast(weights, tf.float32),
    )
    return tf.cast(drives, features.dtype)


@tf.custom_gradient
def _read(features, positions, weights):
    n_images, n_neurons, _ = positions.shape
    of_weights = (n_images, *weights.shape)

    def read(features, positions):
        return [_drives(features, positions, weights)]

    def follow_back(features, positions, upstream):
        return [
            _features_gradient(features, positions, weights, upstream),
            _positions_gradient(features, positions, weights, upstream),
            _weights_gradient(features, positions, upstream)[tf.newaxis],
        ]

    def gradient(upstream):
        shapes = [features.shape, positions.shape, of_weights]
        *gradients, parts = _in_rounds(follow_back, features, positions, upstream, shapes=shapes)
        return *gradients, tf.reduce_sum(parts, axis=0)

    (drives,) = _in_rounds(read, features, positions, shapes=[(n_images, n_neurons)])
    return drives, gradient


def _in_rounds(work, features, *others, shapes):
    """Does some work on all images, or on a few at a time where it would take much memory.

    Args:
        work: From some of the images, as they are given here, to a list of float32 tensors.
        features: As of `fused_read`.
        *others: More of each image; the first one has an axis of neurons after that of images.
        shapes: Of what `work` makes, joined along the first axis.
    """
    n_images, n_corners, n_bytes = tf.shape(features)[0], 4, 4
    image_bytes = n_corners * n_bytes * others[0].shape[1] * features.shape[3]
    at_once = max(1, _BYTES_OF_A_ROUND // image_bytes)
    n_rounds = (n_images + at_once - 1) // at_once

    def round_by_round():
        def add(number, *found):
            first, last = (n_images * each // n_rounds for each in (number, number + 1))
            made = work(*(each[first:last] for each in (features, *others)))
            kept = (each.write(number, part) for each, part in zip(found, made, strict=True))
            return number + 1, *kept

        arrays = [
            # Rounds may differ by an image.
            tf.TensorArray(
                tf.float32, n_rounds, infer_shape=False, element_shape=(None, *shape[1:])
            )
            for shape in shapes
        ]
        _, *found = tf.while_loop(
            lambda number, *_: number < n_rounds,
            add,
            (tf.constant(0), *arrays),
            parallel_iterations=1,
        )
        return [each.concat() for each in found]

    return tf.cond(
        n_images > _MOST_BYTES // image_bytes,
        round_by_round,
        lambda: work(features, *others),
    )


# XLA makes one loop of a gather that is used once; used twice, it would be kept in memory. So each
# function returns one tensor.


@tf.function(jit_compile=True, autograph=False)
def _drives(features, positions, weights):
    corners = find_corners(features, positions)
    return tf.reduce_sum(_weigh(corners, corners.shares()) * weights, axis=-1)


@tf.function(jit_compile=True, autograph=False)
def _weights_gradient(features, positions, upstream):
    corners = find_corners(features, positions)
    shares = [share * upstream for share in corners.shares()]
    return tf.reduce_sum(_weigh(corners, shares), axis=0)


def _positions_gradient(features, positions, weights, upstream):
    """Follows the drive along each axis: from left to right corners, and from upper to lower."""
    slopes = [
        slope(features, positions, weights) * upstream
        for slope in (_slopes_along_x, _slopes_along_y)
    ]
    return tf.stack(slopes, axis=-1)


@tf.function(jit_compile=True, autograph=False)
def _slopes_along_x(features, positions, weights):
    corners = find_corners(features, positions)
    y = corners.y_share
    slopes = tf.reduce_sum(_weigh(corners, (y - 1.0, 1.0 - y, -y, y)) * weights, axis=-1)
    return slopes * _pixels_per_unit(features.shape[2], positions[..., 0])


@tf.function(jit_compile=True, autograph=False)
def _slopes_along_y(features, positions, weights):
    corners = find_corners(features, positions)
    x = corners.x_share
    slopes = tf.reduce_sum(_weigh(corners, (x - 1.0, -x, 1.0 - x, x)) * weights, axis=-1)
    return slopes * _pixels_per_unit(features.shape[1], positions[..., 1])


def _pixels_per_unit(size, position):
    """Returns the slope of pixel over position: none where the sample has faded out."""
    pixel = (position + 1.0) * (0.5 * (size - 1))
    return tf.where((pixel >= -1.0) & (pixel <= size), 0.5 * (size - 1), 0.0)


def _features_gradient(features, positions, weights, upstream):
    """Adds what each neuron sends back to the pixels it read, some images at a time."""
    n_images = tf.shape(features)[0]
    n_scatters = 1 if tf.config.list_physical_devices("GPU") else _SCATTERS
    edges = [n_images * i // n_scatters for i in range(n_scatters + 1)]
    parts = [
        _scatter(features[start:end], positions[start:end], weights, upstream[start:end])
        for start, end in pairwise(edges)
    ]
    return tf.concat(parts, axis=0)


@tf.function(jit_compile=True, autograph=False)
def _scatter(features, positions, weights, upstream):
    corners = find_corners(features, positions)
    pixels = tf.stack([corners.first + offset for offset in corners.offsets], axis=-1)
    shares = tf.stack(corners.shares(), axis=-1) * upstream[..., None]
    updates = shares[..., None] * weights[:, None, :]
    _, height, width, channels = features.shape
    sums = tf.scatter_nd(
        tf.reshape(pixels, (-1, 1)),
        tf.reshape(updates, (-1, channels)),
        tf.shape(corners.pixels),
    )
    framed = tf.reshape(sums, (-1, height + 2, width + 2, channels))
    return framed[:, 1:-1, 1:-1]


def _weigh(corners, shares):
    """Returns the sum of the corners' pixels, `(batch, neurons, channels)`, each weighed."""
    pairs = zip(corners.offsets, shares, strict=True)
    return sum(
        tf.gather(corners.pixels, corners.first + offset) * share[..., None]
        for offset, share in pairs
    )
