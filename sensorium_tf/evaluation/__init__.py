"""How well trained models predict: tables and files."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Comparison": "comparison",
        "Evaluation": "results",
        "MouseComparison": "comparison",
        "MouseEvaluation": "results",
        "Table": "tables",
        "compare": "comparing",
        "differences_table": "tables",
        "evaluate": "model_scores",
        "evaluate_mouse": "model_scores",
        "format_json": "tables",
        "format_table": "tables",
        "ground_truth": "submission",
        "movie_ground_truth": "movie_truth",
        "scores_table": "tables",
        "submit": "submission",
        "write_json": "tables",
        "write_neurons_csv": "tables",
    },
)
