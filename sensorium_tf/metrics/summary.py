"""Means over neurons, with their intervals."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sensorium_tf.metrics.intervals import bootstrap_interval


def mean_over_neurons(values: np.ndarray | None) -> float | None:
    """Returns the mean of the neurons that count; None where none does.

    Args:
        values: `(neurons,)`, NaN for neurons that do not count; None where there are none.
    """
    if values is None or np.isnan(values).all():
        return None
    return float(np.nanmean(values))


def summarize(per_neuron: Mapping[str, np.ndarray | None]) -> dict[str, Any]:
    """Returns the mean of each score over neurons and, under `intervals`, its 95 % interval.

    Args:
        per_neuron: Score's name to its values, `(neurons,)`, NaN for neurons that do not count;
            None where it is not defined.

    Returns:
        Score's name to its mean, and `intervals`: score's name to `bootstrap_interval`; None where
        there is none.
    """
    means = {name: mean_over_neurons(values) for name, values in per_neuron.items()}
    intervals = {
        name: None if means[name] is None else bootstrap_interval(values)
        for name, values in per_neuron.items()
    }
    return {**means, "intervals": intervals}
