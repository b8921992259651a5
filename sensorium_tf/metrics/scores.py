"""How well predicted rates agree with recorded responses.

Everything is NumPy in float64, one number a neuron. Responses are standardised (divided by their
standard deviation over the training trials), as is everything a model is trained on. The formulas
are those of the Sensorium competition (Willeke et al. 2022, arXiv 2206.08666).
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError
from sensorium_tf.metrics.images import Images
from sensorium_tf.metrics.intervals import summarize
from sensorium_tf.tracks import check_track

#: Neurons whose FEV is lower have no FEVE, as in the competition.
FEV_THRESHOLD = 0.15
#: The fields of `Scores` that hold one value a neuron.
SCORES = ("single_trial_correlation", "correlation_to_average", "feve")

_EPSILON = 1e-8
_NO_REPEATS = "no image was shown more than once in these trials: use a tier with repeated images"
# So many neurons at a time: temporary arrays stay in the cache and small beside the data.
_NEURONS_AT_ONCE = 256


@dataclasses.dataclass(frozen=True)
class Scores:
    """The competition's scores of one mouse.

    Attributes:
      single_trial_correlation: `(neurons,)` float64.
      correlation_to_average: `(neurons,)` float64.
      feve: `(neurons,)` float64, NaN for neurons with too little to explain; None where FEVE is
        not defined.
      feve_reason: why there is no mean FEVE, or None where there is one.
    """

    single_trial_correlation: np.ndarray
    correlation_to_average: np.ndarray
    feve: np.ndarray | None
    feve_reason: str | None

    @property
    def per_neuron(self) -> dict[str, np.ndarray | None]:
        """Score's name to its values, `(neurons,)`; None where it is not defined."""
        return {name: getattr(self, name) for name in SCORES}

    @property
    def means(self) -> dict[str, float | None]:
        """Score's name to its mean over neurons; None where it is not defined."""
        return {
            "single_trial_correlation": float(self.single_trial_correlation.mean()),
            "correlation_to_average": float(self.correlation_to_average.mean()),
            "feve": None if self.feve_reason else float(np.nanmean(self.feve)),
        }

    @property
    def feve_neurons(self) -> int | None:
        """How many neurons have enough to explain to count in FEVE; None if it is not defined."""
        return None if self.feve is None else int(np.isfinite(self.feve).sum())

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        """The means as JSON values, their intervals under `intervals`, and `feve_neurons`."""
        return {**summarize(self.per_neuron), "feve_neurons": self.feve_neurons}


def scores(
    responses: ArrayLike, rates: ArrayLike, image_ids: ArrayLike, *, track: str = "sensorium"
) -> Scores:
    """Computes the competition's scores.

    Args:
      responses: `(trials, neurons)`, standardised.
      rates: `(trials, neurons)`, predicted for the same trials.
      image_ids: `(trials,)`, the image shown in each trial.
      track: `sensorium`, or `sensorium_plus`, for which FEVE is not defined.

    Returns:
      The scores of every neuron, and their means. Where FEVE cannot be had (track, no image shown
      twice, no neuron with enough to explain) the result says why instead of raising.

    Raises:
      SensoriumError: if the arrays do not fit together or hold NaN or infinity, or the track is
        unknown.
    """
    responses, rates = _matrices(responses=responses, rates=rates)
    images = Images(image_ids, len(responses))
    reason = _no_feve(track, images)
    explained = None if reason else _feve(responses, rates, images, FEV_THRESHOLD)
    if explained is not None and np.isnan(explained).all():
        reason = f"no neuron has an explainable variance (FEV) of {FEV_THRESHOLD} or more"
    return Scores(
        single_trial_correlation=_by_neurons(_correlation, responses, rates),
        correlation_to_average=_correlation_to_average(responses, rates, images),
        feve=explained,
        feve_reason=reason,
    )


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
      SensoriumError: if the shapes disagree or a value is NaN or infinite.
    """
    return _by_neurons(_correlation, *_matrices(a=a, b=b))


def single_trial_correlation(responses: ArrayLike, rates: ArrayLike) -> np.ndarray:
    """Computes the correlation of rates with responses over all trials, repeats included.

    Args:
      responses: `(trials, neurons)`.
      rates: `(trials, neurons)`.

    Returns:
      `(neurons,)`, -1 to 1.

    Raises:
      SensoriumError: if the shapes disagree or a value is NaN or infinite.
    """
    return _by_neurons(_correlation, *_matrices(responses=responses, rates=rates))


def correlation_to_average(
    responses: ArrayLike, rates: ArrayLike, image_ids: ArrayLike
) -> np.ndarray:
    """Computes the correlation over images, both signals averaged over an image's repeats first.

    Images count alike, however often they were shown; with every image shown once this is the
    single-trial correlation.

    Args:
      responses: `(trials, neurons)`.
      rates: `(trials, neurons)`.
      image_ids: `(trials,)`, the image shown in each trial.

    Returns:
      `(neurons,)`, -1 to 1.

    Raises:
      SensoriumError: if the shapes disagree or a value is NaN or infinite.
    """
    responses, rates = _matrices(responses=responses, rates=rates)
    return _correlation_to_average(responses, rates, Images(image_ids, len(responses)))


def explainable_variance(responses: ArrayLike, image_ids: ArrayLike) -> np.ndarray:
    """Computes the fraction of a neuron's variance that the image explains (FEV).

    FEV = (total - noise) / total, where total is the variance over all trials (ddof 1) and noise
    the mean over images of the variance over an image's repeats (ddof 1). An image shown once
    tells nothing of the noise and counts in the total only.

    Args:
      responses: `(trials, neurons)`.
      image_ids: `(trials,)`, the image shown in each trial.

    Returns:
      `(neurons,)`, at most 1; below zero where the estimate of the noise exceeds the total; 0 for
      a neuron that never varies.

    Raises:
      SensoriumError: if the shapes disagree, a value is NaN or infinite, or no image was shown
        twice.
    """
    (responses,) = _matrices(responses=responses)
    images = Images(image_ids, len(responses))
    _refuse(_no_feve("sensorium", images))

    def fev(block: np.ndarray) -> np.ndarray:
        total, noise = _variances(block, images)
        return _fraction(total - noise, total)

    return _by_neurons(fev, responses)


def feve(
    responses: ArrayLike,
    rates: ArrayLike,
    image_ids: ArrayLike,
    *,
    threshold: float = FEV_THRESHOLD,
    track: str = "sensorium",
) -> np.ndarray:
    """Computes the fraction of explainable variance that the rates explain (FEVE).

    FEVE = 1 - (mse - noise) / (total - noise), with the mean squared error over all trials, and
    total and noise as in `explainable_variance`.

    Args:
      responses: `(trials, neurons)`.
      rates: `(trials, neurons)`.
      image_ids: `(trials,)`, the image shown in each trial.
      threshold: neurons whose FEV is lower get NaN: where next to nothing can be explained, the
        fraction of it is noise. Above zero. The mean over neurons is `numpy.nanmean`.
      track: the track that the rates are for.

    Returns:
      `(neurons,)`, at most about 1, below zero for rates worse than the mean response, NaN below
      the threshold.

    Raises:
      SensoriumError: if the track is `sensorium_plus`, no image was shown twice, the shapes
        disagree or a value is NaN or infinite.
    """
    if not threshold > 0:
        raise SensoriumError(f"FEV threshold {threshold}: expected a number above zero")
    responses, rates = _matrices(responses=responses, rates=rates)
    images = Images(image_ids, len(responses))
    _refuse(_no_feve(track, images))
    return _feve(responses, rates, images, threshold)


def oracle_correlation(responses: ArrayLike, image_ids: ArrayLike) -> np.ndarray:
    """Computes how well the other repeats of an image predict each single trial.

    The prediction for a trial is the mean response over the other repeats of its image
    (leave-one-out), correlated over all trials of images shown at least twice. With many repeats
    it is what a model without behavior can at best be expected to reach on single trials; with
    few, the mean over the others is noisy itself, and a good model exceeds it.

    Args:
      responses: `(trials, neurons)`.
      image_ids: `(trials,)`, the image shown in each trial.

    Returns:
      `(neurons,)`, -1 to 1.

    Raises:
      SensoriumError: if the shapes disagree, a value is NaN or infinite, or no image was shown
        twice.
    """
    (responses,) = _matrices(responses=responses)
    images = Images(image_ids, len(responses))
    if not images.has_repeats:
        raise SensoriumError(f"an oracle needs repeats: {_NO_REPEATS}")
    counts = images.counts[images.of_trial][:, None]
    repeated = counts[:, 0] > 1

    def oracle(block: np.ndarray) -> np.ndarray:
        sums = images.sums(block)[images.of_trial[repeated]]
        block = block[repeated]
        return _correlation(block, (sums - block) / (counts[repeated] - 1))

    return _by_neurons(oracle, responses)


def _no_feve(track: str, images: Images) -> str | None:
    """Returns why FEVE is not defined, None if it is."""
    check_track(track)
    if track == "sensorium_plus":
        return (
            "FEVE is not defined for the track sensorium_plus: no two repeats of an image have the "
            "same behavior, so what they share is not all that can be explained"
        )
    return None if images.has_repeats else _NO_REPEATS


def _refuse(reason: str | None) -> None:
    if reason:
        raise SensoriumError(reason)


def _matrices(**named: ArrayLike) -> list[np.ndarray]:
    """Checks that arrays are finite, `(trials, neurons)`, and alike in shape."""
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
                f"{name} hold NaN or infinity, first in trial {trial}, neuron {neuron}: leave out "
                "such trials or neurons"
            )
        arrays.append(values)
    return arrays


def _by_neurons(function: Callable[..., np.ndarray], *arrays: np.ndarray) -> np.ndarray:
    """Applies a function of `(trials, some neurons)` to all neurons, in float64."""
    blocks = range(0, arrays[0].shape[1], _NEURONS_AT_ONCE)
    return np.concatenate(
        [
            function(*(a[:, start : start + _NEURONS_AT_ONCE].astype(np.float64) for a in arrays))
            for start in blocks
        ]
    )


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    def z_score(values: np.ndarray) -> np.ndarray:
        return (values - values.mean(axis=0)) / (values.std(axis=0) + _EPSILON)

    return (z_score(a) * z_score(b)).mean(axis=0)


def _correlation_to_average(responses: np.ndarray, rates: np.ndarray, images: Images) -> np.ndarray:
    return _by_neurons(
        lambda a, b: _correlation(images.means(a), images.means(b)), responses, rates
    )


def _variances(responses: np.ndarray, images: Images) -> tuple[np.ndarray, np.ndarray]:
    """Returns the total and the noise variance of each neuron."""
    # Rounding leaves a constant neuron a variance of about 1e-34, all of it "explainable".
    constant = (responses == responses[0]).all(axis=0)
    total = np.where(constant, 0, responses.var(axis=0, ddof=1))
    squares = images.sums((responses - images.means(responses)[images.of_trial]) ** 2)
    noise = squares[images.repeated] / (images.counts[images.repeated, None] - 1)
    return total, noise.mean(axis=0)


def _feve(responses: np.ndarray, rates: np.ndarray, images: Images, threshold: float) -> np.ndarray:
    def explained(responses: np.ndarray, rates: np.ndarray) -> np.ndarray:
        total, noise = _variances(responses, images)
        mse = ((responses - rates) ** 2).mean(axis=0)
        enough = _fraction(total - noise, total) >= threshold
        unexplained = _fraction(mse - noise, total - noise)
        return np.where(enough, 1 - unexplained, np.nan)

    return _by_neurons(explained, responses, rates)


def _fraction(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divides; nothing of nothing is zero."""
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)
