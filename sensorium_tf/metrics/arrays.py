"""Arrays of trials and neurons: checked, and worked through some neurons at a time."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError

# So many neurons at a time: temporary arrays stay in the cache and small beside the data.
_NEURONS_AT_ONCE = 256


def matrices(
    *, where: Callable[[int], str] = "trial {}".format, **named: ArrayLike
) -> list[np.ndarray]:
    """Checks that arrays are finite, `(trials, neurons)`, and alike in shape.

    Args:
        where: What messages call a row.
        **named: Name for messages to an array.

    Returns:
        The arrays, in the order given.

    Raises:
        SensoriumError: If they are not.
    """
    arrays = []
    for name, values in named.items():
        values = np.asarray(values)
        if values.dtype.kind not in "biuf":
            raise SensoriumError(f"{name} hold {values.dtype} values, expected numbers")
        if values.ndim != 2 or not values.size:
            raise SensoriumError(f"{name} have shape {values.shape}, expected (trials, neurons)")
        if arrays and values.shape != arrays[0].shape:
            first = next(iter(named))
            raise SensoriumError(
                f"{first} have shape {arrays[0].shape} but {name} {values.shape}: expected the "
                "same trials and neurons"
            )
        finite = np.isfinite(values)
        if not finite.all():
            trial, neuron = np.unravel_index(np.argmin(finite), finite.shape)
            raise SensoriumError(
                f"{name} hold NaN or infinity, first in {where(trial)}, neuron {neuron}: leave out "
                "such trials or neurons"
            )
        arrays.append(values)
    return arrays


def by_neurons(function: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
    """Applies a function of `(trials, some neurons)` to all neurons, in float64.

    Args:
        function: Takes as many arrays as there are, returns `(some neurons,)`.
        *arrays: `(trials, neurons)` each.

    Returns:
        `(neurons,)`.
    """
    blocks = range(0, arrays[0].shape[1], _NEURONS_AT_ONCE)
    return np.concatenate(
        [
            function(*(a[:, start : start + _NEURONS_AT_ONCE].astype(np.float64) for a in arrays))
            for start in blocks
        ]
    )


def fraction(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divides; nothing of nothing is zero."""
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)
