"""What makes gradients of images and movies smooth: blurs, and less power at high frequencies."""

import functools
import string
from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def blur_matrices(size: Sequence[int], sigma: float) -> list[np.ndarray]:
    """Returns the matrices, float32, that blur each axis by a Gaussian.

    Args:
        size: `(height, width)` of images, `(frames, height, width)` of movies.
        sigma: Standard deviation, in pixels and frames.
    """

    def matrix(length: int) -> np.ndarray:
        offsets = np.subtract.outer(np.arange(length), np.arange(length))
        weights = np.exp(-0.5 * (offsets / sigma) ** 2)
        return (weights / weights.sum(1, keepdims=True)).astype(np.float32)

    return [matrix(length) for length in size]


def blur(images: tf.Tensor, matrices: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns images `(images, ..., channels)` blurred by `blur_matrices`."""
    axes = string.ascii_lowercase[: len(matrices)]
    pairs = ",".join(f"{axis.upper()}{axis}" for axis in axes)
    return tf.einsum(f"{pairs},n{axes}z->n{axes.upper()}z", *matrices, images)


def over_root_frequency(images: tf.Tensor) -> tf.Tensor:
    """Returns images or movies `(images, ..., channels)` whose power is over the frequency.

    Frequencies are cycles a pixel and, of movies, a frame.
    """
    size, rank = tuple(images.shape[1:-1]), len(images.shape)
    transform, inverse = {
        2: (tf.signal.rfft2d, tf.signal.irfft2d),
        3: (tf.signal.rfft3d, tf.signal.irfft3d),
    }[len(size)]
    spectrum = transform(tf.transpose(images, (0, rank - 1, *range(1, rank - 1))))
    filtered = inverse(spectrum * _root_one_over_f(size), size)
    return tf.transpose(filtered, (0, *range(2, rank), 1))


@functools.cache
def _root_one_over_f(size: tuple[int, ...]) -> np.ndarray:
    *others, last = size
    each = [*map(np.fft.fftfreq, others), np.fft.rfftfreq(last)]
    frequency = np.sqrt(sum(axis**2 for axis in np.meshgrid(*each, indexing="ij")))
    frequency.flat[0] = frequency[frequency > 0].min()
    return (1 / np.sqrt(frequency)).astype(np.complex64)
