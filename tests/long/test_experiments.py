"""Experiments on an ensemble that was trained on a simulated mouse, against its truth."""

import numpy as np
import pytest

import sensorium_tf
from sensorium_tf import insilico
from sensorium_tf.insilico import Neurons
from sensorium_tf.insilico.ascent import correlations
from sensorium_tf.models import EnsembleModel
from sensorium_tf.recordings import Truth
from sensorium_tf.runs import Run

pytestmark = pytest.mark.long

N_RELIABLE, N_TRIALS, N_CHOOSING = 60, 24, 8
PRIORS, N_DESCENT = (0.3, 1.0, 3.0), 150


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments")
    recording = sensorium_tf.simulate(folder, n_neurons=400, n_images=3000, n_repeats=10)
    sensorium_tf.prepare("lab1", recording=recording, data_dir=folder / "data")
    run = sensorium_tf.train(
        "cnn", "lab1", workdir=folder / "run", data_dir=folder / "data", recipe="fast",
        hidden_channels=24, epochs=14, batch_size=16, seeds=(0, 1, 2), verbose=False,
    )  # fmt: skip
    found = measure(run, recording)
    print(*(f"{name}: {value:.4g}" for name, value in found.items()), sep="\n")
    return found


def measure(run, recording, *, steps=200):
    """Does the experiments; returns how they came out, by name.

    Args:
        run: An ensemble of three; the last one judges, the others are optimised.
        recording: The simulated recording that it was trained on, beside its truth.
        steps: Of ascents.
    """
    run = Run.of(run)
    mouse, truth = run.mouse(), Truth.load(recording)
    test = mouse.trials("test")
    reliable = np.argsort(-_reliability(test))[:N_RELIABLE]
    *optimised, judge = run.model.members
    neurons = Neurons(EnsembleModel(optimised), columns=reliable)
    judge = Neurons(judge, columns=reliable)
    photographs = np.clip(neurons.to_grey(mouse.trials("train").images), 0, 255)

    exciting = insilico.most_exciting_image(neurons, steps=steps)
    natural = insilico.best_natural_image(neurons, images=photographs)
    gabors = insilico.best_gabor(neurons)
    fields = insilico.receptive_fields(neurons, at="natural", images=photographs, n_images=50)
    tuning = insilico.orientation_tuning(neurons)
    attributed = insilico.attribution(neurons, photographs[:4])

    def beats(other, rates):
        return np.mean(rates(exciting.images) > rates(other.images))

    true = {name: values[reliable] for name, values in truth.neurons.items()}
    turned = np.abs((tuning.preferred - true["orientation"] + np.pi / 2) % np.pi - np.pi / 2)
    sums = attributed.pixels.sum((2, 3, 4))
    errors = np.abs(sums - attributed.differences) / np.abs(attributed.differences)
    return {
        "beats_natural": beats(natural, neurons.own_rates),
        "beats_gabor": beats(gabors, neurons.own_rates),
        "judge_beats_natural": beats(natural, judge.own_rates),
        "judge_beats_gabor": beats(gabors, judge.own_rates),
        "judge_over_gabor": np.median(
            judge.own_rates(exciting.images) / judge.own_rates(gabors.images)
        ),
        "agreement_of_simple_cells": np.median(exciting.agreement[true["kind"] == "simple"]),
        "agreement_of_complex_cells": np.median(exciting.agreement[true["kind"] == "complex"]),
        "spread_of_start_rates": np.median(
            1 - np.nanmin(exciting.start_rates, axis=1) / exciting.rates
        ),
        "place_error_pixels": np.median(np.hypot(*(fields.places - true["place"]).T)),
        "orientation_error_degrees": np.degrees(np.median(turned)),
        "attribution_error": np.median(errors),
        **_reconstruction(run, test),
    }


def _reliability(trials):
    """Correlation of each neuron's responses with its mean over the other repeats."""
    residuals = trials.responses.copy()
    for image in np.unique(trials.image_ids):
        rows = trials.image_ids == image
        residuals[rows] = trials.responses[rows] - trials.responses[rows].mean(0)
    return 1 - residuals.var(0) / trials.responses.var(0)


def _reconstruction(run, trials):
    mouse = run.mouse()

    def reconstructed(trials, prior):
        found = insilico.reconstruct(run, trials.responses, prior=prior, steps=N_DESCENT)
        return found.images

    # The prior is chosen on trials of another tier than those that are scored.
    other = mouse.trials("validation").take(np.arange(N_CHOOSING))
    errors = [np.mean((reconstructed(other, prior) - other.images) ** 2) for prior in PRIORS]
    prior = PRIORS[np.argmin(errors)]
    _, first = np.unique(trials.image_ids, return_index=True)
    scored = trials.take(first[:N_TRIALS])
    images, found = scored.images, reconstructed(scored, prior)
    mean = mouse.trials("train").images.mean(0)
    error, of_mean = (np.mean((each - images) ** 2) for each in (found, mean))
    return {
        "prior_of_reconstructions": prior,
        "reconstruction_over_mean_image": error / of_mean,
        "reconstruction_correlation": np.mean(correlations(found, images)),
    }


@pytest.mark.parametrize("name", ["beats_natural", "beats_gabor", "judge_beats_natural"])
def test_most_exciting_images_beat_the_best_others(measured, name):
    assert measured[name] >= 0.95


def test_a_judge_finds_them_as_good_as_the_best_gabors(measured):
    # A simulated neuron is a Gabor cell: no image is truly better than its best Gabor patch.
    assert measured["judge_over_gabor"] > 0.99


def test_starts_agree(measured):
    assert measured["agreement_of_simple_cells"] > 0.9
    assert measured["spread_of_start_rates"] < 0.05


def test_tuning_and_places_are_those_of_the_truth(measured):
    assert measured["orientation_error_degrees"] < 10
    assert measured["place_error_pixels"] < 1.5


def test_attributions_sum_within_a_percent(measured):
    assert measured["attribution_error"] < 0.01


def test_reconstructions_beat_the_mean_image(measured):
    assert measured["reconstruction_over_mean_image"] < 1
