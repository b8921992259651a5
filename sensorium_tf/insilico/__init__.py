"""Experiments on a model: what its neurons respond to, asked of the model instead of the animal.

Every function takes a model, an ensemble (whose rate is its members' mean), a run or its path, and
neurons by `unit_ids` (where the recording is at hand, as a run's is) or by `columns`. Images are in
the model's units, where the recording's mean grey is 0, unless they are called grey values (0 to
255). Context signals are held at their medians over the training trials, or where `state` says.
"""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Neurons": "neurons",
        "OrientationTuning": "tuning",
        "ReceptiveFieldMaps": "maps",
        "Result": "results",
        "SpatialFrequencyTuning": "tuning",
        "orientation_tuning": "tuning",
        "receptive_fields": "maps",
        "spatial_frequency_tuning": "tuning",
        "stimuli": "stimuli",
        "triggered_averages": "maps",
        "whitened_average": "maps",
    },
)
