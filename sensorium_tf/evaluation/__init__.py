"""How well trained models predict: tables, files and figures."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Comparison": "comparison",
        "Evaluation": "results",
        "MouseComparison": "comparison",
        "MouseEvaluation": "results",
        "as_table": "tables",
        "behavior_traces": "figures",
        "compare_runs": "comparison",
        "correlation_histogram": "figures",
        "differences_table": "tables",
        "evaluate": "model_scores",
        "evaluate_mouse": "model_scores",
        "first_layer_filters": "figures",
        "format_table": "tables",
        "ground_truth": "submission",
        "images_with_responses": "figures",
        "learning_curve": "figures",
        "neurons_in_cortex": "figures",
        "paired_correlations": "figures",
        "receptive_field_positions": "figures",
        "reliability_histograms": "figures",
        "repeated_responses": "figures",
        "response_raster": "figures",
        "responses_against_rates": "figures",
        "save_figure": "figures",
        "score_distributions": "figures",
        "scores_table": "tables",
        "submit": "submission",
        "training_pictures": "pictures",
        "write_json": "tables",
        "write_neurons_csv": "tables",
    },
)
