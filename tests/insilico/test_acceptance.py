"""Experiments on a small CNN that was trained on a simulated population, against the truth."""

import keras
import numpy as np
import pytest

from sensorium_tf.insilico import (
    Neurons,
    attribution,
    best_gabor,
    best_natural_image,
    most_exciting_image,
    orientation_tuning,
    receptive_fields,
    reconstruct,
)
from sensorium_tf.metrics import correlation
from sensorium_tf.models import FiringRateModel, SensoriumCore
from sensorium_tf.models.readouts.gaussian import GaussianReadout
from sensorium_tf.simulation.images import dead_leaves
from sensorium_tf.simulation.population import ReceptiveFields, sample_population
from sensorium_tf.specs import Input, InputSpec

SIZE, N_NEURONS, N_IMAGES, N_HELD_OUT = (18, 32), 60, 600, 20
PRIORS = (0.1, 1.0, 10.0)
MEAN, STD = 105.0, 55.0


@pytest.fixture(scope="module")
def population():
    return sample_population(N_NEURONS, np.random.default_rng(5), size=SIZE)


@pytest.fixture(scope="module")
def photographs():
    return dead_leaves(N_IMAGES, SIZE, np.random.default_rng(6))


@pytest.fixture(scope="module")
def responses(population, photographs):
    images = photographs[..., None].astype(np.float32)
    drives = ReceptiveFields(population, images).drive(images, np.zeros((len(images), 2)))
    noisy = np.random.default_rng(7).gamma(20.0, drives / 20.0 + 1e-6)
    return (noisy / noisy.std(0)).astype(np.float32)


@pytest.fixture(scope="module")
def trained(population, photographs, responses):
    """Trained on all but the held-out images."""
    spec = InputSpec(
        challenge="sensorium2022",
        track="sensorium",
        image_size=SIZE,
        recorded_size=SIZE,
        channels=(Input("image", 1, "standardize"),),
    ).with_constants({"a": {"image": {"mean": MEAN, "std": STD}}})
    core = SensoriumCore(hidden_channels=12, input_kernel=9, n_blocks=1, hidden_kernel=3, seed=0)
    readout = GaussianReadout(N_NEURONS, seed=1)
    model = FiringRateModel(core, {"a": readout}, inputs=spec)
    readout.set_coordinates(population.coordinates)
    model.set_mean_rates("a", responses.mean(0))
    model.compile(keras.optimizers.Adam(0.01), loss={"a": "poisson"})
    images = (photographs[..., None] - MEAN).astype(np.float32) / STD
    keras.utils.set_random_seed(0)
    shown, seen = images[N_HELD_OUT:], responses[N_HELD_OUT:]
    for rate, epochs in ((0.01, 16), (0.002, 4)):
        model.optimizer.learning_rate = rate
        model.fit({"a": {"image": shown}}, {"a": seen}, batch_size=16, epochs=epochs, verbose=0)
    return Neurons(model)


@pytest.fixture(scope="module")
def reliable(trained, photographs, responses):
    """The half of the neurons whose responses to held-out images are predicted best."""
    rates = trained.rates(trained.given_images(photographs[:N_HELD_OUT]))
    scores = correlation(rates, responses[:N_HELD_OUT])
    return trained.only(np.argsort(-scores)[: N_NEURONS // 2])


def test_trained_neurons_have_the_truths_places_and_orientations(reliable, population, photographs):
    truth = {name: each[reliable.columns] for name, each in population.tuning().items()}
    fields = receptive_fields(reliable, at="natural", images=photographs, n_images=20)
    assert np.median(np.hypot(*(fields.places - truth["place"]).T)) < 1.5
    tuning = orientation_tuning(reliable, n_permutations=1)
    turned = np.abs((tuning.preferred - truth["orientation"] + np.pi / 2) % np.pi - np.pi / 2)
    assert np.degrees(np.median(turned)) < 10


def test_most_exciting_images_of_trained_neurons_beat_others(reliable, photographs):
    neurons = reliable.only(reliable.columns[:20])
    exciting = most_exciting_image(neurons, steps=100, n_starts=2)
    natural = best_natural_image(neurons, images=photographs)
    gabors = best_gabor(neurons, steps=20)
    assert (exciting.rates > natural.rates).mean() >= 0.95
    assert (exciting.rates > gabors.rates).mean() >= 0.95
    assert np.median(np.ptp(exciting.start_rates, axis=1) / exciting.rates) < 0.05


def test_attributions_of_trained_neurons_sum_within_a_percent(trained, photographs):
    found = attribution(trained.only([0, 1]), photographs[:2])
    np.testing.assert_allclose(found.pixels.sum((2, 3, 4)), found.differences, rtol=0.01)


def test_held_out_images_are_reconstructed_better_than_by_the_mean(trained, photographs, responses):
    def reconstructed(rows, prior):
        return reconstruct(
            trained, responses[rows], images=photographs[rows], steps=60, prior=prior
        )

    # The prior is chosen on trials that the model was trained on.
    known = [reconstructed(slice(-N_HELD_OUT, None), prior) for prior in PRIORS]
    errors = [np.mean((each.images - each.shown) ** 2) for each in known]
    found = reconstructed(slice(N_HELD_OUT), PRIORS[np.argmin(errors)])
    error = np.mean((found.images - found.shown) ** 2)
    mean = (photographs[N_HELD_OUT:].mean(0) - MEAN) / STD
    assert error < np.mean((mean[..., None] - found.shown) ** 2)
    assert np.mean(found.correlations) > 0.1
