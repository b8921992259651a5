"""Training runs."""

from sensorium_tf.training.model_file import check_model_file, load_model, save_model
from sensorium_tf.training.prediction import Predictor, predict
from sensorium_tf.training.schedule import Schedule, ScheduleSettings
from sensorium_tf.training.settings import TrainingSettings
from sensorium_tf.training.trained import TrainedModel, open_trained
from sensorium_tf.training.trainer import (
    TRAINING_TIERS,
    TrainingResult,
    compiled_baseline,
    train,
)
from sensorium_tf.training.workdir import Workdir

__all__ = [
    "TRAINING_TIERS",
    "Predictor",
    "Schedule",
    "ScheduleSettings",
    "TrainedModel",
    "TrainingResult",
    "TrainingSettings",
    "Workdir",
    "check_model_file",
    "compiled_baseline",
    "load_model",
    "open_trained",
    "predict",
    "save_model",
    "train",
]
