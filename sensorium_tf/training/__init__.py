"""Training runs."""

from sensorium_tf.training.prediction import Predictor, predict
from sensorium_tf.training.schedule import Schedule, ScheduleSettings
from sensorium_tf.training.settings import TrainingSettings
from sensorium_tf.training.trainer import (
    TRAINING_TIERS,
    TrainingResult,
    compiled_baseline,
    train,
)
from sensorium_tf.training.workdir import Workdir, load_model

__all__ = [
    "TRAINING_TIERS",
    "Predictor",
    "Schedule",
    "ScheduleSettings",
    "TrainingResult",
    "TrainingSettings",
    "Workdir",
    "compiled_baseline",
    "load_model",
    "predict",
    "train",
]
