"""The correlation of rates with responses, both averaged over the repeats of an image."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.metrics.arrays import by_neurons
from sensorium_tf.metrics.base import metric
from sensorium_tf.metrics.correlations import correlate
from sensorium_tf.metrics.frames import as_rows
from sensorium_tf.metrics.images import Images


@metric("correlation_to_average", title="correlation to average")
def correlation_to_average(
    responses: ArrayLike,
    rates: ArrayLike,
    image_ids: ArrayLike,
    *,
    mask: ArrayLike | None = None,
) -> np.ndarray:
    """Computes the correlation over images, both signals averaged over an image's repeats first.

    Images count alike, however often they were shown; with every image shown once this is the
    single-trial correlation. Of movies each frame is averaged, and the correlation is over frames.

    Args:
        responses: `(trials, neurons)`, or `(trials, time, neurons)` of movies.
        rates: Of the same shape.
        image_ids: `(trials,)`, the image or movie shown in each trial.
        mask: `(trials, time)`, which frames of movies count; all if left out.

    Returns:
        `(neurons,)`, -1 to 1.

    Raises:
        SensoriumError: If the shapes disagree or a value is NaN or infinite.
    """
    (responses, rates), ids = as_rows(image_ids, mask=mask, responses=responses, rates=rates)
    images = Images(ids, len(responses))
    return by_neurons(lambda a, b: correlate(images.means(a), images.means(b)), responses, rates)
