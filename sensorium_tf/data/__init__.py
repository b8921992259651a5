"""From prepared mice to what a model eats."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Batches": "batching",
        "FILE_FORMATS": "preparation",
        "Mouse": "mouse",
        "Subset": "subset",
        "Trials": "trials",
        "batches": "batching",
        "load_mouse": "mouse",
        "mouse_names": "batching",
        "prepare": "preparation",
    },
)
