"""The fraction of explainable variance that the rates explain."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.challenges import DEFAULT
from sensorium_tf.errors import SensoriumError
from sensorium_tf.metrics.arrays import by_neurons, fraction
from sensorium_tf.metrics.base import metric
from sensorium_tf.metrics.frames import as_rows
from sensorium_tf.metrics.images import Images
from sensorium_tf.metrics.variance import variances


@metric(
    "feve",
    title="FEVE",
    needs_repeats=True,
    condition="an explainable variance (FEV) of {fev_threshold} or more",
    rules=("fev_threshold",),
)
def feve(
    responses: ArrayLike,
    rates: ArrayLike,
    image_ids: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    fev_threshold: float = DEFAULT.fev_threshold,
    track: str = "sensorium",
) -> np.ndarray:
    """Computes the fraction of explainable variance that the rates explain (FEVE).

    FEVE = 1 - (mse - noise) / (total - noise), with the mean squared error over all trials, and
    total and noise as in `explainable_variance` (Willeke et al. 2022, arXiv 2206.08666).

    Args:
        responses: `(trials, neurons)`, or `(trials, time, neurons)` of movies, standardised.
        rates: Of the same shape.
        image_ids: `(trials,)`, the image or movie shown in each trial.
        mask: `(trials, time)`, which frames of movies count; all if left out.
        fev_threshold: Neurons whose FEV is lower get NaN: where next to nothing can be explained,
            the fraction of it is noise. Above zero. The mean over neurons is `numpy.nanmean`.
        track: The track that the rates are for.

    Returns:
        `(neurons,)`, at most about 1, below zero for rates worse than the mean response, NaN below
        the threshold.

    Raises:
        SensoriumError: If it is not defined for the track, no image was shown more than once, the
            shapes disagree or a value is NaN or infinite.
    """
    if not fev_threshold > 0:
        raise SensoriumError(f"FEV threshold {fev_threshold}: expected a number above zero")
    reason = DEFAULT.track(track).undefined.get("feve")
    if reason is not None:
        raise SensoriumError(reason)
    (responses, rates), ids = as_rows(image_ids, mask=mask, responses=responses, rates=rates)
    images = Images(ids, len(responses))
    images.check_repeats("FEVE")

    def explained(responses: np.ndarray, rates: np.ndarray) -> np.ndarray:
        total, noise = variances(responses, images)
        mse = ((responses - rates) ** 2).mean(axis=0)
        enough = fraction(total - noise, total) >= fev_threshold
        unexplained = fraction(mse - noise, total - noise)
        return np.where(enough, 1 - unexplained, np.nan)

    return by_neurons(explained, responses, rates)
