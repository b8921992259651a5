"""The competition's metrics, in NumPy: one number a neuron, their means and intervals."""

from sensorium_tf.metrics.images import has_repeats
from sensorium_tf.metrics.intervals import (
    CONFIDENCE,
    N_RESAMPLES,
    bootstrap_interval,
    summarize,
)
from sensorium_tf.metrics.scores import (
    FEV_THRESHOLD,
    SCORES,
    Scores,
    correlation,
    correlation_to_average,
    explainable_variance,
    feve,
    oracle_correlation,
    scores,
    single_trial_correlation,
)

__all__ = [
    "CONFIDENCE",
    "FEV_THRESHOLD",
    "N_RESAMPLES",
    "SCORES",
    "Scores",
    "bootstrap_interval",
    "correlation",
    "correlation_to_average",
    "explainable_variance",
    "feve",
    "has_repeats",
    "oracle_correlation",
    "scores",
    "single_trial_correlation",
    "summarize",
]
