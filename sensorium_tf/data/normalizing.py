"""How recorded images and responses are normalised."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.specs import central_pixels

# A neuron that hardly responds would else be blown up: its std counts as a hundredth of the mean.
_SMALLEST_STD = 0.01


def normalize_images(
    images: np.ndarray, mean: ArrayLike, std: ArrayLike, *, step: int
) -> np.ndarray:
    """Z-scores images and makes them smaller by a whole number.

    The resize is bilinear with half-pixel centres and no antialiasing, so that each output pixel
    is the mean of the central 2 x 2 pixels of its block (the central one where the step is odd).
    What does not fill a block, below and to the right, is left out.

    Args:
        images: `(trials, height, width, channels)` grey values.
        mean: Mean grey value of the training images; or of each pixel and frame, as `images`.
        std: Standard deviation, likewise.
        step: How many times smaller.

    Returns:
        `(trials, height // step, width // step, channels)` float32.
    """
    mean, std = (np.asarray(each, np.float32) for each in (mean, std))
    height, width = (size - size % step for size in images.shape[1:3])

    def central(row: int, column: int) -> np.ndarray:
        def chosen(values: np.ndarray) -> np.ndarray:
            return values[:, row:height:step, column:width:step] if values.ndim else values

        return (chosen(images).astype(np.float32) - chosen(mean)) / chosen(std)

    first, *second = central_pixels(step)
    if not second:
        return central(first, first)
    (last,) = second
    upper = central(first, first) + central(first, last)
    lower = central(last, first) + central(last, last)
    return np.float32(0.25) * (upper + lower)


def normalize_responses(responses: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Divides responses by their scale.

    Args:
        responses: `(trials, neurons)`.
        scale: `(neurons,)`, from `response_scale`.
    """
    return responses * (1.0 / scale).astype(np.float32)


def response_scale(std: np.ndarray) -> np.ndarray:
    """Returns what responses are divided by: where std is at most 0.01 of its mean, that counts.

    Args:
        std: `(neurons,)`, over the training trials; of all neurons of the recording, for the mean
            of some is another.
    """
    std = np.asarray(std, np.float64)
    return np.maximum(std, _SMALLEST_STD * std.mean())
