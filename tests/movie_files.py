"""A small simulated recording of movies, as a zip and as a folder that can be damaged."""

import zipfile

import numpy as np

from sensorium_tf.challenges import sensorium2023
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.simulation import simulate_movie_recording

CHALLENGE = sensorium2023.CHALLENGE
SIMULATED = {"n_neurons": 12, "n_clips": 6, "n_frames": 61, "n_repeats": 2, "competition": True}


def simulated_movies(folder):
    """Simulates a competition recording; returns the zip."""
    return simulate_movie_recording(folder, **SIMULATED)


def unpacked(path, folder):
    """Unpacks a recording; returns its folder."""
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder / path.stem


def change(folder, name, function):
    """Replaces an array of an unpacked recording, such as `data/videos/3`."""
    path = folder / f"{name}.npy"
    np.save(path, function(np.load(path)))


def movie_settings(**changes):
    """Settings of a short run on mouse `lab1`, of a small network that loses few frames."""
    values = {
        "challenge": CHALLENGE.name,
        "mice": "lab1",
        "core": "factorised_3d(channels=(2, 2), spatial_kernels=(7, 3), temporal_kernels=(3, 3))",
        "epochs": 2,
        "batch_size": 2,
        "window": 20,
    }
    return TrainingSettings.flat(**{**values, **changes})
