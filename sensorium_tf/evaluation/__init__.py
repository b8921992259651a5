"""How well a trained model predicts: tables, files and figures."""

from sensorium_tf.evaluation.evaluate import (
    Evaluation,
    MouseEvaluation,
    evaluate,
    evaluate_mouse,
)
from sensorium_tf.evaluation.figures import (
    correlation_histogram,
    first_layer_filters,
    receptive_field_positions,
    responses_against_rates,
    save_figure,
)
from sensorium_tf.evaluation.tables import (
    format_table,
    scores_table,
    write_json,
    write_neurons_csv,
)
from sensorium_tf.evaluation.training_pictures import training_pictures

__all__ = [
    "Evaluation",
    "MouseEvaluation",
    "correlation_histogram",
    "evaluate",
    "evaluate_mouse",
    "first_layer_filters",
    "format_table",
    "receptive_field_positions",
    "responses_against_rates",
    "save_figure",
    "scores_table",
    "training_pictures",
    "write_json",
    "write_neurons_csv",
]
