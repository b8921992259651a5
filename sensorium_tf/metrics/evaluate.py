"""How well predicted rates agree with recorded responses, by every metric."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.metrics.base import Metric
from sensorium_tf.metrics.frames import as_rows, frame_mask
from sensorium_tf.metrics.images import NO_REPEATS, Images
from sensorium_tf.metrics.results import Scores
from sensorium_tf.registry import METRICS


def metric_names(challenge: Challenge = DEFAULT) -> tuple[str, ...]:
    """Returns the metrics of an evaluation: the challenge's, then those that a user registered.

    Args:
        challenge: The rates are predicted for.
    """
    return tuple(dict.fromkeys([*challenge.metrics, *METRICS.custom_names()]))


def evaluate_rates(
    responses: ArrayLike,
    rates: ArrayLike,
    image_ids: ArrayLike,
    *,
    n_frames: ArrayLike | None = None,
    track: str | None = None,
    challenge: Challenge = DEFAULT,
) -> Scores:
    """Computes every metric of a challenge, and those that a user registered.

    Args:
        responses: `(trials, neurons)`, or `(trials, time, neurons)` of movies, standardised:
            divided by their standard deviation over the training trials, as is everything a model
            is trained on.
        rates: Of the same shape, predicted for the same trials.
        image_ids: `(trials,)`, the image or movie shown in each trial.
        n_frames: `(trials,)`, how many frames of each movie are valid, all if left out; what
            follows is padding, and the challenge's first frames are not scored.
        track: A track of the challenge; its first if left out.
        challenge: Says which metrics count, and which are not defined for a track.

    Returns:
        The scores of every neuron, and their means. Where a metric is not defined (for the track,
        without repeats, or because no neuron counts) the result says why instead of raising.

    Raises:
        SensoriumError: If the arrays do not fit together or hold NaN or infinity, the track is
            unknown, or a user's metric does not return one number a neuron.
    """
    mask = None
    if (shape := np.shape(responses))[2:]:
        n_frames = np.full(shape[0], shape[1]) if n_frames is None else n_frames
        mask = frame_mask(n_frames, skip=challenge.skip_frames, length=shape[1])
    (responses, rates), image_ids = as_rows(image_ids, mask=mask, responses=responses, rates=rates)
    responses, rates = np.asarray(responses, np.float64), np.asarray(rates, np.float64)
    images = Images(image_ids, len(responses))
    undefined = challenge.track(track or challenge.default_track).undefined
    per_neuron, reasons, conditions = {}, {}, {}
    for name in metric_names(challenge):
        metric = METRICS[name]
        rules = {rule: getattr(challenge, rule) for rule in metric.rules}
        condition = metric.condition.format(**rules)
        if condition:
            conditions[name] = condition
        per_neuron[name] = None
        if name in undefined:
            reasons[name] = undefined[name]
        elif metric.needs_repeats and not images.has_repeats:
            reasons[name] = NO_REPEATS
        else:
            values = metric.function(responses, rates, image_ids, **rules)
            per_neuron[name] = _checked(metric, values, responses.shape[1])
            if np.isnan(per_neuron[name]).all():
                reasons[name] = f"no neuron has {condition}" if condition else "no neuron counts"
    return Scores(per_neuron, reasons, conditions)


def _checked(metric: Metric, values: ArrayLike, n_neurons: int) -> np.ndarray:
    values = np.asarray(values)
    if values.shape != (n_neurons,) or values.dtype.kind not in "biuf":
        raise SensoriumError(
            f"metric {metric.name}: returned {values.dtype} values of shape {values.shape}, "
            f"expected numbers of shape ({n_neurons},): one a neuron"
        )
    values = values.astype(np.float64, copy=False)
    if np.isinf(values).any():
        raise SensoriumError(
            f"metric {metric.name}: infinite for neuron {np.argmax(np.isinf(values))}, expected "
            "NaN for a neuron that does not count"
        )
    return values
