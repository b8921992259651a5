"""What the baselines of movies learn of a simulated mouse, on three seeds."""

import numpy as np
import pytest

import sensorium_tf
from sensorium_tf.challenges import sensorium2023
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
