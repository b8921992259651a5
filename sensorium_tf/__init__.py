"""The Sensorium benchmark for TensorFlow and Keras."""

from sensorium_tf.hooks import find_packages_beside, register_with_libraries
from sensorium_tf.lazy import attach

__version__ = "0.1.0"

# Neither TensorFlow nor Keras is imported before a name that needs it is used.
__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Run": "starting_kit",
        "SensoriumError": "errors",
        "TrainingStopped": "errors",
        "baseline": "starting_kit",
        "challenges": "challenges",
        "compare": "starting_kit",
        "data": "data",
        "datasets": "datasets",
        "evaluation": "evaluation",
        "load": "starting_kit",
        "metrics": "metrics",
        "models": "models",
        "plotting": "plotting",
        "prepare": "data",
        "recordings": "recordings",
        "score": "scoring",
        "scoring": "scoring",
        "simulate": "recordings.simulation:simulate_recording",
        "train": "starting_kit",
        "training": "training",
    },
)

find_packages_beside(__name__)
register_with_libraries()
