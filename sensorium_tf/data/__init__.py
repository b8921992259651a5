"""From prepared mice to model inputs."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Batches": "batching",
        "FILE_FORMATS": "names",
        "ImageMouse": "image_mouse",
        "Mouse": "mouse",
        "Movie": "movie",
        "MovieMouse": "movies",
        "MovieTrials": "movie_trials",
        "PastResponses": "past",
        "PreparedRecording": "prepared_recording",
        "Rows": "rows",
        "Subset": "subset",
        "Trials": "trials",
        "WINDOW": "movie_trials",
        "batches": "batching",
        "inputs_of": "common_inputs",
        "load_mouse": "opening",
        "mouse_names": "names",
        "pad_movies": "movie",
        "prepare": "preparation",
        "prepare_mice": "many",
        "unlabelled_images": "unlabelled",
    },
)
