"""How well trained models predict: tables, files and figures."""

from sensorium_tf.evaluation.comparison import Comparison, MouseComparison, compare_runs
from sensorium_tf.evaluation.evaluate import evaluate, evaluate_mouse
from sensorium_tf.evaluation.figures import (
    behavior_traces,
    correlation_histogram,
    first_layer_filters,
    images_with_responses,
    learning_curve,
    neurons_in_cortex,
    paired_correlations,
    receptive_field_positions,
    reliability_histograms,
    repeated_responses,
    response_raster,
    responses_against_rates,
    save_figure,
    score_distributions,
)
from sensorium_tf.evaluation.results import Evaluation, MouseEvaluation
from sensorium_tf.evaluation.tables import (
    as_table,
    differences_table,
    format_table,
    scores_table,
    write_json,
    write_neurons_csv,
)
from sensorium_tf.evaluation.training_pictures import training_pictures

__all__ = [
    "Comparison",
    "Evaluation",
    "MouseComparison",
    "MouseEvaluation",
    "as_table",
    "behavior_traces",
    "compare_runs",
    "correlation_histogram",
    "differences_table",
    "evaluate",
    "evaluate_mouse",
    "first_layer_filters",
    "format_table",
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
    "scores_table",
    "training_pictures",
    "write_json",
    "write_neurons_csv",
]
