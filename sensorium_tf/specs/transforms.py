"""What becomes of recorded values before a model is given them, and the way back."""

import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from sensorium_tf.errors import SensoriumError


class Transform:
    """Leaves values as they are, unless a subclass says otherwise.

    The constants that both methods take are `mean` and `std` over the recording's training trials,
    scalars or one a column.
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


#: Name to transform.
TRANSFORMS = types.MappingProxyType(
    {
        "standardize": Standardize(),
        "scale": Scale(),
        "centre": Centre(),
        "none": Transform(),
    }
)


def less_own_mean(images: np.ndarray) -> np.ndarray:
    """Returns images `(..., height, width, channels)` less each one's mean, channel by channel."""
    return images - images.mean((-3, -2), keepdims=True)
