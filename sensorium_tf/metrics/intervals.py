"""How sure a mean over neurons is."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError

#: How often an interval should hold the mean, if nothing else is said.
CONFIDENCE = 0.95
#: How many resampled means an interval is taken from.
N_RESAMPLES = 2000

# So many values are drawn at once: 8 MB.
_VALUES_AT_ONCE = 1_000_000


def bootstrap_interval(
    values: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Computes the percentile bootstrap interval of a mean over neurons.

    As many neurons as there are, drawn with replacement, give one resampled mean; the interval
    reaches from the (1 - confidence) / 2 to the (1 + confidence) / 2 quantile of `n_resamples`
    such means (Efron and Tibshirani 1993, chapter 13). It says how far the mean would move with
    other neurons of the same recording; other trials and other seeds of the training move it too.

    For the difference of two models give the differences, neuron by neuron: both are then
    resampled together (paired bootstrap).

    Args:
        values: `(neurons,)`; NaN stands for a neuron that does not count.
        confidence: Between 0 and 1.
        n_resamples: 1 or more.
        seed: Equal values and seeds give equal intervals.

    Returns:
        Lower and upper end, or None where fewer than two neurons count.

    Raises:
        SensoriumError: If the values are not one a neuron or infinite, or another argument is out
            of its range.
    """
    values = np.asarray(values)
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise SensoriumError(
            f"an interval needs numbers of shape (neurons,). Received: {values.dtype} values of "
            f"shape {values.shape}"
        )
    if not 0 < confidence < 1:
        raise SensoriumError(f"confidence {confidence}: expected a number between 0 and 1")
    if n_resamples < 1:
        raise SensoriumError(f"{n_resamples} resamples: expected 1 or more")
    values = values[~np.isnan(values)].astype(np.float64)
    if np.isinf(values).any():
        raise SensoriumError("an interval needs finite values. Received: infinity")
    if len(values) < 2:
        return None
    random = np.random.default_rng(seed)
    means = np.empty(n_resamples)
    at_once = max(1, _VALUES_AT_ONCE // len(values))
    for start in range(0, n_resamples, at_once):
        rows = slice(start, min(start + at_once, n_resamples))
        drawn = random.integers(len(values), size=(rows.stop - start, len(values)), dtype=np.int32)
        means[rows] = values[drawn].mean(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
