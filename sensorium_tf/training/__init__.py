"""Training runs."""

from sensorium_tf.training.building import compiled_model
from sensorium_tf.training.ensemble import train_ensemble
from sensorium_tf.training.interruption import TrainingStopped
from sensorium_tf.training.model_file import check_model_file, load_model, save_model
from sensorium_tf.training.prediction import Predictor, predict
from sensorium_tf.training.schedule import Schedule, ScheduleSettings, Trapezoid
from sensorium_tf.training.settings import RECIPES, TrainingSettings
from sensorium_tf.training.step import Steps
from sensorium_tf.training.strategies import STRATEGIES, make_strategy
from sensorium_tf.training.tensorboard import EpochView
from sensorium_tf.training.totals import StepTotals
from sensorium_tf.training.trained import TrainedModel, open_trained
from sensorium_tf.training.trainer import TrainingResult, train
from sensorium_tf.training.uses import Uses
from sensorium_tf.training.workdir import Workdir

__all__ = [
    "RECIPES",
    "STRATEGIES",
    "EpochView",
    "Predictor",
    "Schedule",
    "ScheduleSettings",
    "StepTotals",
    "Steps",
    "TrainedModel",
    "TrainingResult",
    "TrainingSettings",
    "TrainingStopped",
    "Trapezoid",
    "Uses",
    "Workdir",
    "check_model_file",
    "compiled_model",
    "load_model",
    "make_strategy",
    "open_trained",
    "predict",
    "save_model",
    "train",
    "train_ensemble",
]
