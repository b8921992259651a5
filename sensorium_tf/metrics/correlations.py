"""The correlation of two signals, neuron by neuron."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.metrics.arrays import by_neurons, matrices

_EPSILON = 1e-8


def correlation(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Computes the correlation of two signals, neuron by neuron.

    It is the mean over trials of the product of z-scores, whose standard deviation (ddof 0) has
    1e-8 added to it: a constant signal correlates with nothing (0), instead of giving NaN.

    Args:
        a: `(trials, neurons)`.
        b: `(trials, neurons)`.

    Returns:
        `(neurons,)`, -1 to 1.

    Raises:
        SensoriumError: If the shapes disagree or a value is NaN or infinite.
    """
    return by_neurons(correlate, *matrices(a=a, b=b))


def correlate(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Computes `correlation` of arrays that have been checked, float64."""

    def z_score(values: np.ndarray) -> np.ndarray:
        return (values - values.mean(axis=0)) / (values.std(axis=0) + _EPSILON)

    return (z_score(a) * z_score(b)).mean(axis=0)
