"""What is measured, one function each: workspace, neurons and batch size in, numbers out."""

import functools

import data_speed
import device_speed
import model_speed
import movie_speed

MEASUREMENTS = {
    "train": model_speed.train,
    "predict": model_speed.predict,
    "insilico": model_speed.insilico,
    "batches": data_speed.batches,
    "start": data_speed.start,
    "prepare": data_speed.prepare,
    "many": data_speed.many,
    "submit": data_speed.submit,
    "import": data_speed.imports,
    "growth": model_speed.growth,
    **{
        f"replicas_{number}": functools.partial(model_speed.replicas, n_devices=number)
        for number in (1, 2, 4)
    },
    "movies": movie_speed.movies,
    "movie_memory": movie_speed.movie_memory,
    "device": device_speed.device,
}
#: Those that simulate for minutes or an hour, or are of other devices: they are asked for by name.
BY_NAME_ALONE = ("movies", "movie_memory", "device")
