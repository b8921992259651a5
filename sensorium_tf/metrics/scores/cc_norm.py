"""The correlation to the average response, as a share of what its noise leaves possible."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.metrics.arrays import by_neurons, fraction
from sensorium_tf.metrics.base import metric
from sensorium_tf.metrics.frames import as_rows
from sensorium_tf.metrics.images import Images

# The smallest CC_max of a neuron that counts: of one that repeats hardly agree on, the ratio is
# noise divided by next to nothing.
_CC_MAX = 0.1


@metric(
    "cc_norm",
    title="CC_norm",
    needs_repeats=True,
    condition=f"a CC_max of {_CC_MAX} or more",
)
def cc_norm(
    responses: ArrayLike,
    rates: ArrayLike,
    image_ids: ArrayLike,
    *,
    mask: ArrayLike | None = None,
) -> np.ndarray:
    """Computes the normalised correlation coefficient.

    CC_norm = Cov(rate, mean response) / sqrt(Var(rate) SP), over images or frames, where the signal
    power SP = (Var(sum of the N repeats) - sum of Var(each repeat)) / (N (N - 1)); it is the
    correlation to the average divided by CC_max = sqrt(SP / Var(mean response)), what a perfect
    model would reach (Schoppe et al. 2016, Frontiers in Computational Neuroscience 10:10). Images
    count that are repeated, with as many repeats as all of them have; rates, which may differ with
    behavior, are averaged over the same repeats.

    Args:
        responses: `(trials, neurons)`, or `(trials, time, neurons)` of movies.
        rates: Of the same shape.
        image_ids: `(trials,)`, the image or movie shown in each trial.
        mask: `(trials, time)`, which frames of movies count; all if left out.

    Returns:
        `(neurons,)`, at most about 1 (above it by noise); 0 for a constant rate; NaN for neurons
        whose CC_max is below 0.1 or not defined, as their signal power is negative.

    Raises:
        SensoriumError: If no image was shown more than once, the shapes disagree or a value is NaN
            or infinite.
    """
    (responses, rates), ids = as_rows(image_ids, mask=mask, responses=responses, rates=rates)
    images = Images(ids, len(responses))
    images.check_repeats("CC_norm")

    def normalised(responses: np.ndarray, rates: np.ndarray) -> np.ndarray:
        repeats, rates = images.repeats(responses), images.repeats(rates).mean(axis=0)
        n_repeats, mean = len(repeats), repeats.mean(axis=0)
        power = repeats.sum(axis=0).var(axis=0) - repeats.var(axis=1).sum(axis=0)
        power /= n_repeats * (n_repeats - 1)
        counts = power >= _CC_MAX**2 * mean.var(axis=0)
        counts &= power > 0
        covariance = ((rates - rates.mean(axis=0)) * (mean - mean.mean(axis=0))).mean(axis=0)
        found = fraction(covariance, np.sqrt(rates.var(axis=0) * np.maximum(power, 0)))
        return np.where(counts, found, np.nan)

    return by_neurons(normalised, responses, rates)
