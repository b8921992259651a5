"""The correlation of rates with responses, trial by trial."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.metrics.arrays import by_neurons, matrices
from sensorium_tf.metrics.base import metric
from sensorium_tf.metrics.correlations import correlate


@metric("single_trial_correlation", title="single-trial correlation")
def single_trial_correlation(
    responses: ArrayLike, rates: ArrayLike, image_ids: ArrayLike | None = None
) -> np.ndarray:
    """Computes the correlation of rates with responses over all trials, repeats included.

    Args:
        responses: `(trials, neurons)`.
        rates: `(trials, neurons)`.
        image_ids: Not needed: metrics are called alike.

    Returns:
        `(neurons,)`, -1 to 1.

    Raises:
        SensoriumError: If the shapes disagree or a value is NaN or infinite.
    """
    return by_neurons(correlate, *matrices(responses=responses, rates=rates))
