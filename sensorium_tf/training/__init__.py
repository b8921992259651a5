"""Training runs."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "EpochView": "tensorboard",
        "Predictor": "prediction",
        "RECIPES": "settings",
        "STRATEGIES": "strategies",
        "Schedule": "schedule",
        "ScheduleSettings": "schedule",
        "StepTotals": "totals",
        "Steps": "steps",
        "TrainedModel": "trained",
        "TrainingResult": "trainer",
        "TrainingSettings": "settings",
        "Trapezoid": "schedule",
        "Uses": "uses",
        "Workdir": "workdir",
        "check_model_file": "model_file",
        "compiled_model": "building",
        "load_model": "model_file",
        "make_strategy": "strategies",
        "open_trained": "trained",
        "predict": "prediction",
        "save_model": "model_file",
        "train": "trainer",
        "train_ensemble": "ensemble",
    },
)
