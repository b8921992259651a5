"""How much of a neuron's variance the image explains."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.metrics.arrays import by_neurons, fraction
from sensorium_tf.metrics.frames import as_rows
from sensorium_tf.metrics.images import Images


def explainable_variance(
    responses: ArrayLike, image_ids: ArrayLike, *, mask: ArrayLike | None = None
) -> np.ndarray:
    """Computes the fraction of a neuron's variance that the image explains (FEV).

    FEV = (total - noise) / total, where total is the variance over all trials (ddof 1) and noise
    the mean over images of the variance over an image's repeats (ddof 1). An image shown once
    tells nothing of the noise and counts in the total only.

    Args:
        responses: `(trials, neurons)`, or `(trials, time, neurons)` of movies.
        image_ids: `(trials,)`, the image or movie shown in each trial.
        mask: `(trials, time)`, which frames of movies count; all if left out.

    Returns:
        `(neurons,)`, at most 1; below zero where the estimate of the noise exceeds the total; 0 for
        a neuron that never varies.

    Raises:
        SensoriumError: If the shapes disagree, a value is NaN or infinite, or no image was shown
            more than once.
    """
    (responses,), ids = as_rows(image_ids, mask=mask, responses=responses)
    images = Images(ids, len(responses))
    images.check_repeats("explainable variance")

    def fev(block: np.ndarray) -> np.ndarray:
        total, noise = variances(block, images)
        return fraction(total - noise, total)

    return by_neurons(fev, responses)


def variances(responses: np.ndarray, images: Images) -> tuple[np.ndarray, np.ndarray]:
    """Returns the total and the noise variance of each neuron, `(neurons,)` each.

    Args:
        responses: `(trials, neurons)` float64.
        images: Of the trials, some of them repeated.
    """
    # Rounding leaves a constant neuron a variance of about 1e-34, all of it "explainable".
    constant = (responses == responses[0]).all(axis=0)
    total = np.where(constant, 0, responses.var(axis=0, ddof=1))
    squares = images.sums((responses - images.means(responses)[images.of_trial]) ** 2)
    noise = squares[images.repeated] / (images.counts[images.repeated, None] - 1)
    return total, noise.mean(axis=0)
