"""How well rates agree with responses, in NumPy: one number a neuron, means and intervals."""

from sensorium_tf.metrics.base import Metric, metric
from sensorium_tf.metrics.correlations import correlation
from sensorium_tf.metrics.evaluate import evaluate_rates, metric_names
from sensorium_tf.metrics.frames import frame_ids, frame_mask
from sensorium_tf.metrics.images import has_repeats
from sensorium_tf.metrics.intervals import CONFIDENCE, N_RESAMPLES, bootstrap_interval
from sensorium_tf.metrics.oracle import ORACLE, oracle_correlation
from sensorium_tf.metrics.results import Scores
from sensorium_tf.metrics.scores.cc_norm import cc_norm
from sensorium_tf.metrics.scores.correlation_to_average import correlation_to_average
from sensorium_tf.metrics.scores.feve import feve
from sensorium_tf.metrics.scores.single_trial_correlation import single_trial_correlation
from sensorium_tf.metrics.summary import summarize
from sensorium_tf.metrics.variance import explainable_variance

__all__ = [
    "CONFIDENCE",
    "N_RESAMPLES",
    "ORACLE",
    "Metric",
    "Scores",
    "bootstrap_interval",
    "cc_norm",
    "correlation",
    "correlation_to_average",
    "evaluate_rates",
    "explainable_variance",
    "feve",
    "frame_ids",
    "frame_mask",
    "has_repeats",
    "metric",
    "metric_names",
    "oracle_correlation",
    "single_trial_correlation",
    "summarize",
]
