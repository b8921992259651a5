"""Functions of images that are traced once, and called with some images at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

#: Which neuron each image of a batch is for, as a tensor.
INDEX_SPEC = tf.TensorSpec((None,), tf.int64)
_BATCH = 64
# Of movies, so many frames at a time: a core keeps maps of each.
_FRAMES = 256


def traced(function: Callable, *specs: tf.TensorSpec) -> Callable:
    """Returns a function of arrays, traced once for arrays of some specs."""
    # Traced here: of several functions that were traced by calls, TensorFlow would warn.
    concrete = tf.function(function, autograph=False).get_concrete_function(*specs)

    def call(*arrays: ArrayLike) -> Any:
        pairs = zip(arrays, specs, strict=True)
        return concrete(*(tf.convert_to_tensor(array, spec.dtype) for array, spec in pairs))

    return call


def in_batches(function: Callable, *arrays: np.ndarray) -> np.ndarray:
    """Returns what a traced function gives for arrays, of some of their rows at a time.

    Args:
        function: From tensors to one of as many rows.
        *arrays: The first one of images `(images, height, width, channels)` or of movies `(movies,
            frames, height, width, channels)`.
    """
    images, *_ = arrays
    size = _BATCH if images.ndim == 4 else max(1, _FRAMES // images.shape[1])
    parts = batches(len(images), size)
    return np.concatenate([function(*(each[rows] for each in arrays)).numpy() for rows in parts])


def batches(number: int, size: int = _BATCH) -> list[slice]:
    """Returns the slices, of at most a size, that a number of images is worked on in."""
    return [slice(start, min(start + size, number)) for start in range(0, number, size)]
