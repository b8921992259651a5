"""The competition's metrics, in NumPy: one number a neuron, and their means."""

from sensorium_tf.metrics.scores import (
    FEV_THRESHOLD,
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
    "FEV_THRESHOLD",
    "Scores",
    "correlation",
    "correlation_to_average",
    "explainable_variance",
    "feve",
    "oracle_correlation",
    "scores",
    "single_trial_correlation",
]
