"""Training: settings in, a run's folder out."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Callback": "callbacks",
        "EpochView": "callbacks",
        "PlateauSchedule": "schedules",
        "StepTotals": "totals",
        "Steps": "step",
        "TrainingResult": "trainer",
        "WarmupStableDecay": "schedules",
        "build_model": "building",
        "make_strategy": "devices",
        "train": "trainer",
        "train_ensemble": "ensemble",
    },
)
