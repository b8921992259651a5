"""Figures: data in, Matplotlib figure out.

Colours are told apart without colour vision, and print in grey.
"""

from sensorium_tf.evaluation.figures.model import (
    first_layer_filters,
    receptive_field_positions,
    responses_against_rates,
)
from sensorium_tf.evaluation.figures.recording import (
    behavior_traces,
    images_with_responses,
    neurons_in_cortex,
    response_raster,
)
from sensorium_tf.evaluation.figures.reliability import (
    reliability_histograms,
    repeated_responses,
)
from sensorium_tf.evaluation.figures.scores import (
    correlation_histogram,
    learning_curve,
    paired_correlations,
    score_distributions,
)
from sensorium_tf.evaluation.figures.style import save_figure

__all__ = [
    "behavior_traces",
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
    "responses_against_rates",
    "save_figure",
    "score_distributions",
]
