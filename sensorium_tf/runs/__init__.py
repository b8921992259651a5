"""Trained models: what a run is on disk, and what one does with it."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Predictor": "predictor",
        "Provenance": "provenance",
        "Run": "run",
        "RunRecord": "record",
        "RunStore": "store",
        "check_model_file": "model_file",
        "load_model": "model_file",
        "predict": "predictor",
        "save_model": "model_file",
    },
)
