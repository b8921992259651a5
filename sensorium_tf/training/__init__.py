"""Training: settings in, a run's folder out."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Callback": "callbacks",
        "EpochReport": "callbacks",
        "EpochView": "callbacks",
        "PlateauSchedule": "schedules",
        "StepTotals": "totals",
        "Steps": "step",
        "TrainingResult": "result",
        "WarmupStableDecay": "schedules",
        "SearchSpace": "search_space",
        "compiled_model": "building",
        "make_strategy": "devices",
        "search": "searching",
        "train_run": "trainer",
        "train_stages": "stages",
        "training_pictures": "pictures",
    },
)
