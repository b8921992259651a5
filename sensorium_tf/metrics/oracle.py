"""What the other repeats of an image predict."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.metrics.arrays import by_neurons
from sensorium_tf.metrics.correlations import correlate
from sensorium_tf.metrics.frames import as_rows
from sensorium_tf.metrics.images import Images

#: Its name in tables and figures.
ORACLE = "oracle (other repeats)"


def oracle_correlation(
    responses: ArrayLike, image_ids: ArrayLike, *, mask: ArrayLike | None = None
) -> np.ndarray:
    """Computes how well the other repeats of an image predict each single trial.

    The prediction for a trial is the mean response over the other repeats of its image
    (leave-one-out), correlated over all trials of images shown at least twice. With many repeats
    it is what a model without behavior can at best be expected to reach on single trials; with
    few, the mean over the others is noisy itself, and a good model exceeds it. Of movies it is done
    frame by frame.

    Args:
        responses: `(trials, neurons)`, or `(trials, time, neurons)` of movies.
        image_ids: `(trials,)`, the image or movie shown in each trial.
        mask: `(trials, time)`, which frames of movies count; all if left out.

    Returns:
        `(neurons,)`, -1 to 1.

    Raises:
        SensoriumError: If the shapes disagree, a value is NaN or infinite, or no image was shown
            more than once.
    """
    (responses,), ids = as_rows(image_ids, mask=mask, responses=responses)
    images = Images(ids, len(responses))
    images.check_repeats("oracle")
    counts = images.counts[images.of_trial][:, None]
    repeated = counts[:, 0] > 1

    def oracle(block: np.ndarray) -> np.ndarray:
        sums = images.sums(block)[images.of_trial[repeated]]
        block = block[repeated]
        return correlate(block, (sums - block) / (counts[repeated] - 1))

    return by_neurons(oracle, responses)
