"""What the baselines of movies learn of a simulated mouse."""

import numpy as np
import pytest

import sensorium_tf
from sensorium_tf.challenges import sensorium2023
from sensorium_tf.insilico import (
    Neurons,
    direction_tuning,
    most_exciting_movie,
    temporal_frequency_tuning,
)
from sensorium_tf.insilico.ascent import Projection
from sensorium_tf.recordings import MovieTruth
from sensorium_tf.simulation import simulate_movie_recording

pytestmark = pytest.mark.long

SMALL = {
    "image_size": "18x32",
    "core": "factorised_3d(channels=(16, 16), spatial_kernels=(7, 3), temporal_kernels=(9, 5))",
    "recipe": "fast",
    "epochs": 30,
}


def test_the_cnn_predicts_better_than_ln_and_worse_than_the_true_rates(tmp_path):
    path = simulate_movie_recording(tmp_path, n_neurons=80, n_clips=120, n_frames=150, n_repeats=4)
    data_dir = tmp_path / "data"
    challenge = sensorium2023.CHALLENGE
    sensorium_tf.data.prepare("lab1", recording=path, data_dir=data_dir, challenge=challenge)
    for seed in range(3):
        found = {}
        for model in ("ln", "cnn"):
            run = sensorium_tf.train(
                model, "lab1", challenge=challenge.name, workdir=tmp_path / f"{model}{seed}",
                data_dir=data_dir, seed=seed, verbose=False, **SMALL,
            )  # fmt: skip
            scored = sensorium_tf.evaluate(run, "oracle", truth=path).mice["lab1"]
            found[model] = scored.scores.per_neuron["single_trial_correlation"]
        found["true"] = scored.truth.per_neuron["single_trial_correlation"]
        means = {name: float(np.mean(values)) for name, values in found.items()}
        print(f"seed {seed}:", {name: round(mean, 3) for name, mean in means.items()})
        assert means["cnn"] > means["ln"] + 0.02
        assert np.mean(found["cnn"] > found["ln"]) > 0.7
        assert means["cnn"] < means["true"]


def test_a_trained_cnn_has_the_directions_and_frequencies_of_the_truth(tmp_path):
    path = simulate_movie_recording(tmp_path, n_neurons=60, n_clips=200, n_frames=150, n_repeats=4)
    data_dir = tmp_path / "data"
    challenge = sensorium2023.CHALLENGE
    sensorium_tf.data.prepare("lab1", recording=path, data_dir=data_dir, challenge=challenge)
    core = "factorised_3d(channels=(16, 16), spatial_kernels=(9, 3), temporal_kernels=(11, 5))"
    run = sensorium_tf.train(
        "cnn", "lab1", challenge=challenge.name, workdir=tmp_path / "run", data_dir=data_dir,
        verbose=False, **{**SMALL, "core": core, "epochs": 60, "batch_size": 4, "window": 60},
    )  # fmt: skip
    with MovieTruth.open(path) as found:
        truth = found.neurons
    tuning = direction_tuning(run)
    apart = np.abs((tuning.preferred - truth["direction"] + np.pi) % (2 * np.pi) - np.pi)
    frequencies = temporal_frequency_tuning(run).preferred
    measured = {
        "error of direction": np.degrees(np.median(apart)),
        "selectivity": np.corrcoef(tuning.selectivity, truth["selectivity"])[0, 1],
        "frequency": np.corrcoef(frequencies, truth["frequency"])[0, 1],
    }
    neurons = Neurons(run, columns=range(0, 60, 6))
    exciting = most_exciting_movie(neurons, steps=200, n_starts=2)
    projection = Projection(neurons, None, exciting.movies.shape[1:])
    # What all of its trials show at any time, at the same mean and norm.
    n_frames = exciting.movies.shape[1]
    natural = np.full(len(neurons), -np.inf)
    for movie in run.mouse().stream("train"):
        starts = range(0, movie.n_frames - n_frames + 1, 5)
        clips = np.stack([movie.signals["video"][s : s + n_frames] for s in starts])
        rates = neurons.rates(projection.numpy(clips))[:, -1]
        natural = np.maximum(natural, rates.max(0))
    measured["better than natural"] = np.mean(exciting.rates > natural)
    print({name: round(float(value), 3) for name, value in measured.items()})
    assert measured["error of direction"] < 10 and measured["selectivity"] > 0.8
    assert measured["frequency"] > 0.5 and measured["better than natural"] == 1
