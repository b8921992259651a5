"""How well trained models predict: tables and files."""

from sensorium_tf.evaluation.comparison import Comparison, MouseComparison, compare_runs
from sensorium_tf.evaluation.evaluate import evaluate, evaluate_mouse
from sensorium_tf.evaluation.results import Evaluation, MouseEvaluation
from sensorium_tf.evaluation.tables import (
    as_table,
    differences_table,
    format_json,
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
    "compare_runs",
    "differences_table",
    "evaluate",
    "evaluate_mouse",
    "format_json",
    "format_table",
    "scores_table",
    "training_pictures",
    "write_json",
    "write_neurons_csv",
]
