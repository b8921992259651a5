"""The correlation of rates with responses, trial by trial."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.metrics.arrays import by_neurons
from sensorium_tf.metrics.base import metric
from sensorium_tf.metrics.correlations import correlate
from sensorium_tf.metrics.frames import as_rows


@metric("single_trial_correlation", title="single-trial correlation")
def single_trial_correlation(
    responses: ArrayLike,
    rates: ArrayLike,
    image_ids: ArrayLike | None = None,
    *,
    mask: ArrayLike | None = None,
) -> np.ndarray:
    """Computes the correlation of rates with responses over all trials, repeats included.

    Movies are concatenated in time: the correlation is over the frames of all trials.

    Args:
        responses: `(trials, neurons)`, or `(trials, time, neurons)` of movies.
        rates: Of the same shape.
        image_ids: Not needed: metrics are called alike.
        mask: `(trials, time)`, which frames of movies count; all if left out.

    Returns:
        `(neurons,)`, -1 to 1.

    Raises:
        SensoriumError: If the shapes disagree or a value is NaN or infinite.
    """
    rows, _ = as_rows(None, mask=mask, responses=responses, rates=rates)
    return by_neurons(correlate, *rows)
