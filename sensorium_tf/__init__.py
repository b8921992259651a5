"""The Sensorium benchmark for TensorFlow and Keras."""

from sensorium_tf.hooks import find_packages_beside, register_with_libraries
from sensorium_tf.lazy import attach

__version__ = "0.1.0"

# Neither TensorFlow nor Keras is imported before a name that needs it is used.
__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DeviceSettings": "schedule_settings",
        "DistillationSettings": "stages",
        "MovieSettings": "movie_settings",
        "Run": "runs",
        "ScheduleSettings": "schedule_settings",
        "SensoriumError": "errors",
        "StageSettings": "stages",
        "TrainingSettings": "settings",
        "TrainingStopped": "errors",
        "build": "api",
        "challenges": "challenges",
        "compare": "evaluation",
        "data": "data",
        "datasets": "datasets",
        "evaluate": "evaluation",
        "evaluation": "evaluation",
        "from_preset": "presets",
        "insilico": "insilico",
        "interop": "interop",
        "load": "api",
        "metrics": "metrics",
        "models": "models",
        "plotting": "plotting",
        "prepare": "data",
        "recipes": "recipes",
        "recordings": "recordings",
        "runs": "runs",
        "score": "scoring",
        "scoring": "scoring",
        "simulate": "simulation:simulate_recording",
        "simulation": "simulation",
        "specs": "specs",
        "submit": "evaluation",
        "testing": "testing",
        "train": "api",
        "training": "training",
    },
)

find_packages_beside(__name__)
register_with_libraries()
