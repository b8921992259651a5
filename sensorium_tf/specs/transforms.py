"""What becomes of recorded values before a model is given them, and the way back."""

import types
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs.recording import CENTRED_IMAGE, SOBEL_IMAGE


class Transform:
    """Leaves values as they are, unless a subclass says otherwise.

    The constants that both methods take are `mean` and `std` over the recording's training trials,
    scalars or one a column; `min` and `max` where the transform is made of these.
    """

    def apply(self, values: np.ndarray, constants: Mapping[str, Any]) -> np.ndarray:
        """Returns recorded values as a model is given them, float32."""
        return np.asarray(values, np.float32)

    def invert(self, values: np.ndarray, constants: Mapping[str, Any]) -> np.ndarray:
        """Returns what `apply` was given, from what it returned.

        Raises:
            SensoriumError: If that is not to be told.
        """
        return np.asarray(values, np.float32)


class Standardize(Transform):
    """Less their mean, divided by their standard deviation; one of zero counts as one."""

    def apply(self, values, constants):
        """Returns recorded values standardised."""
        return (values - self._mean(constants)) / self._std(constants)

    def invert(self, values, constants):
        """Returns standardised values in recorded units."""
        return values * self._std(constants) + self._mean(constants)

    def _mean(self, constants) -> np.ndarray:
        return np.asarray(constants["mean"], np.float32)

    def _std(self, constants) -> np.ndarray:
        std = np.asarray(constants["std"], np.float32)
        return np.where(std > 0, std, np.float32(1))


class Scale(Standardize):
    """Divided by their standard deviation."""

    def _mean(self, constants) -> np.ndarray:
        return np.float32(0)


class Range(Transform):
    """Less their minimum, divided by their range, so that training trials lie in 0 to 1."""

    def apply(self, values, constants):
        """Returns recorded values in 0 to 1."""
        low, extent = self._range(constants)
        return (values - low) / extent

    def invert(self, values, constants):
        """Returns values of 0 to 1 in recorded units."""
        low, extent = self._range(constants)
        return values * extent + low

    def _range(self, constants) -> tuple[np.ndarray, np.ndarray]:
        low, high = (np.asarray(constants[name], np.float32) for name in ("min", "max"))
        return low, np.where(high > low, high - low, np.float32(1))


class Maximum(Range):
    """Divided by their largest absolute value."""

    def _range(self, constants) -> tuple[np.ndarray, np.ndarray]:
        low, high = (np.abs(np.asarray(constants[name], np.float32)) for name in ("min", "max"))
        largest = np.maximum(low, high)
        return np.float32(0), np.where(largest > 0, largest, np.float32(1))


class Centre(Standardize):
    """Standardised, then less the mean of each image, channel by channel."""

    def apply(self, values, constants):
        """Returns images `(..., height, width, channels)`, at the models' size, centred."""
        return less_own_mean(super().apply(values, constants))

    def invert(self, values, constants):
        """Refuses: the images' own means are no longer in them."""
        raise SensoriumError(
            "a centred image has no way back to grey values, for its own mean is left out of it: "
            "use the image that the model is given beside it"
        )


class Sobel(Standardize):
    """Standardised, then the horizontal and the vertical gradient of each image."""

    def apply(self, values, constants):
        """Returns the gradients of images `(..., height, width, channels)` of the models' size."""
        return sobel_pair(super().apply(values, constants))

    def invert(self, values, constants):
        """Refuses: the images' own brightness is no longer in them."""
        raise SensoriumError(
            "gradients of an image have no way back to grey values: use the image that the model "
            "is given beside them"
        )


#: Name to transform.
TRANSFORMS = types.MappingProxyType(
    {
        "standardize": Standardize(),
        "scale": Scale(),
        "range": Range(),
        "maximum": Maximum(),
        "centre": Centre(),
        "sobel": Sobel(),
        "none": Transform(),
    }
)


def less_own_mean(images: np.ndarray) -> np.ndarray:
    """Returns images `(..., height, width, channels)` less each one's mean, channel by channel."""
    return images - images.mean((-3, -2), keepdims=True)


def sobel_pair(images: np.ndarray) -> np.ndarray:
    """Returns the horizontal and the vertical gradient of images, by Sobel's filters.

    They are divided by 8, so that a ramp that rises by 1 a pixel gives 1; beyond its border an
    image goes on with the border's pixels.

    Args:
        images: `(..., height, width, channels)`.

    Returns:
        `(..., height, width, 2 * channels)`: the horizontal ones of all channels, then the vertical
        ones.
    """
    framed = np.pad(images, [(0, 0)] * (images.ndim - 3) + [(1, 1), (1, 1), (0, 0)], mode="edge")

    def smooth(values: np.ndarray, axis: int) -> np.ndarray:
        size = values.shape[axis]
        left, centre, right = (
            np.take(values, range(start, size - 2 + start), axis) for start in range(3)
        )
        return left + 2 * centre + right

    across = framed[..., 2:, :] - framed[..., :-2, :]
    down = framed[..., 2:, :, :] - framed[..., :-2, :, :]
    return np.concatenate([smooth(across, -3), smooth(down, -2)], axis=-1) / np.float32(8)


class DerivedImage(NamedTuple):
    """A channel that is made of the image.

    Attributes:
        transform: The transform that makes it of recorded images.
        make: Makes it of standardised images `(..., height, width, channels)`.
        channels: How many it has for each of the image's.
    """

    transform: str
    make: Callable[[np.ndarray], np.ndarray]
    channels: int


#: Signal to how it is made of the image.
DERIVED_IMAGES = types.MappingProxyType(
    {
        CENTRED_IMAGE: DerivedImage("centre", less_own_mean, 1),
        SOBEL_IMAGE: DerivedImage("sobel", sobel_pair, 2),
    }
)
