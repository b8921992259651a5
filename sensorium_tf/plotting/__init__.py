"""Figures: data in, Matplotlib figure out.

Colours are told apart without colour vision, and print in grey.
"""

from sensorium_tf.plotting.model import (
    first_layer_filters,
    receptive_field_positions,
    responses_against_rates,
)
from sensorium_tf.plotting.recording import (
    images_with_responses,
    neurons_in_cortex,
    response_raster,
    signal_traces,
)
from sensorium_tf.plotting.reliability import (
    reliability_histograms,
    repeated_responses,
)
from sensorium_tf.plotting.scores import (
    correlation_histogram,
    learning_curve,
    paired_correlations,
    score_distributions,
)
from sensorium_tf.plotting.style import save_figure
from sensorium_tf.plotting.traces import response_traces

__all__ = [
    "correlation_histogram",
    "first_layer_filters",
    "images_with_responses",
    "learning_curve",
    "neurons_in_cortex",
    "paired_correlations",
    "receptive_field_positions",
    "reliability_histograms",
    "repeated_responses",
    "response_raster",
    "response_traces",
    "responses_against_rates",
    "save_figure",
    "score_distributions",
    "signal_traces",
]
