"""Experiments on a model: what its neurons respond to, asked of the model instead of the animal.

Every function takes a model, an ensemble (whose rate is its members' mean), a run or its path, and
neurons by `unit_ids` (where the recording is at hand, as a run's is) or by `columns`. Images are in
the model's units, where the recording's mean grey is 0, unless they are called grey values (0 to
255). Context signals are held at their medians over the training trials, or where `state` says.
Models of movies have experiments of their own: `direction_tuning`, `temporal_frequency_tuning` and
`most_exciting_movie`.
"""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Attribution": "attributing",
        "BestGabors": "gabors",
        "BestNaturalImages": "exciting",
        "CautiousImages": "cautious",
        "ContrastTuning": "patches",
        "DirectionTuning": "motion",
        "DiverseImages": "diverse",
        "DriftingGratingResponses": "motion",
        "ExcitingImages": "exciting",
        "AscentSettings": "settings",
        "ExperimentSettings": "settings",
        "GratingResponses": "tuning",
        "MostExcitingImages": "exciting",
        "MostExcitingMovies": "exciting_movies",
        "Neurons": "neurons",
        "OrientationTuning": "tuning",
        "ReceptiveFieldMaps": "maps",
        "Reconstructions": "reconstruction",
        "RepresentationComparison": "representations",
        "Result": "results",
        "Screen": "screen",
        "SizeTuning": "patches",
        "SpatialFrequencyTuning": "tuning",
        "SurroundImages": "surrounds",
        "TemporalFrequencyTuning": "motion",
        "attribution": "attributing",
        "best_gabor": "gabors",
        "best_natural_image": "exciting",
        "cautious_exciting_image": "cautious",
        "diverse_exciting_images": "diverse",
        "compare_representations": "representations",
        "contrast_tuning": "patches",
        "direction_tuning": "motion",
        "discs": "stimuli",
        "dissimilarity_matrix": "representations",
        "drifting_gratings": "stimuli",
        "gaussians": "stimuli",
        "gratings": "stimuli",
        "linear_cka": "representations",
        "most_exciting_image": "exciting",
        "most_exciting_movie": "exciting_movies",
        "orientation_tuning": "tuning",
        "receptive_fields": "maps",
        "reconstruct": "reconstruction",
        "run_experiments": "report",
        "size_tuning": "patches",
        "spatial_frequency_tuning": "tuning",
        "surround_image": "surrounds",
        "temporal_frequency_tuning": "motion",
        "triggered_averages": "maps",
        "whitened_average": "maps",
    },
)
