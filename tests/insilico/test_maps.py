"""Receptive fields."""

import numpy as np
import pytest
from known_model import GABORS, PLACES, SIZE, WIDTHS

from sensorium_tf import SensoriumError
from sensorium_tf.insilico import (
    ReceptiveFieldMaps,
    receptive_fields,
    stimuli,
    triggered_averages,
    whitened_average,
)
from sensorium_tf.insilico.gaussian_fit import fit_gaussians
from sensorium_tf.insilico.maps import local_energy
from sensorium_tf.simulation.images import dead_leaves
from sensorium_tf.simulation.population import ReceptiveFields, sample_population

SIMPLE = [0, 1]


@pytest.fixture
def noise(rng):
    return np.clip(110 + 50 * rng.normal(size=(400, *SIZE)), 0, 255)


def correlation(first, second):
    return np.corrcoef(first.ravel(), second.ravel())[0, 1]


def test_the_field_of_a_linear_nonlinear_neuron_is_its_filter_at_any_image(model, noise):
    at_grey = receptive_fields(model, columns=SIMPLE)
    at_natural = receptive_fields(model, columns=SIMPLE, at="natural", images=noise, n_images=5)
    for found in (at_grey, at_natural):
        for field, expected in zip(found.fields[..., 0], GABORS[0], strict=False):
            assert correlation(field, expected) > 0.9999
    assert at_natural.settings["n_images"] == 5


def test_a_complex_cell_shows_its_place_at_natural_images_alone(model, noise):
    assert not receptive_fields(model, columns=[2, 3]).fields.any()
    found = receptive_fields(model, at="natural", images=noise, n_images=30)
    assert np.hypot(*(found.places - PLACES).T).max() < 0.5
    np.testing.assert_allclose(found.sizes.mean(1), WIDTHS, rtol=0.25)
    assert (found.explained > 0.6).all()


def test_local_energy_has_no_stripes():
    found = local_energy(GABORS[0][..., None])
    energy = (GABORS[0] ** 2 + GABORS[1] ** 2) / 2
    for each, expected in zip(found, energy, strict=True):
        assert correlation(each, expected) > 0.97


def test_the_draw_of_images_follows_the_seed(model, noise):
    def fields(seed):
        found = receptive_fields(
            model, columns=[2], at="natural", images=noise, n_images=3, seed=seed
        )
        return found.energy

    np.testing.assert_array_equal(fields(0), fields(0))
    assert (fields(0) != fields(1)).any()


def test_a_triggered_average_of_rates_is_the_filter(model, noise):
    found = triggered_averages(model, columns=SIMPLE, images=noise, ridge=0.3)
    for field, expected in zip(found.fields[..., 0], GABORS[0], strict=False):
        assert correlation(field, expected) > 0.8
    assert np.hypot(*(found.places - PLACES[SIMPLE]).T).max() < 1.5


def test_the_average_is_ridge_regression(rng):
    images, responses = rng.normal(size=(60, 2, 3, 1)), rng.normal(size=(60, 2))
    pixels = images.reshape(60, 6) - images.reshape(60, 6).mean(0)
    strength = 0.5 * pixels.var(0).mean() * 60
    padded = np.vstack([pixels, np.sqrt(strength) * np.eye(6)])
    targets = np.vstack([responses - responses.mean(0), np.zeros((6, 2))])
    expected = np.linalg.lstsq(padded, targets, rcond=None)[0]
    found = whitened_average(images, responses, ridge=0.5)
    np.testing.assert_allclose(found.reshape(2, 6), expected.T, atol=1e-5)


def test_simulated_neurons_are_found_where_they_look():
    random = np.random.default_rng(3)
    size = (18, 32)
    population = sample_population(12, random, size=size)
    images = dead_leaves(500, size, random)[..., None].astype(np.float32)
    rates = ReceptiveFields(population, images).drive(images, np.zeros((len(images), 2)))
    simple = ~population.complex_cells
    fields = whitened_average(images, rates[:, simple], ridge=0.1)
    fit = fit_gaussians(local_energy(fields))
    distance = np.hypot(*(fit.places - population.positions[simple]).T)
    assert np.median(distance) < 1


def test_a_gaussian_is_fitted_back(rng):
    expected = stimuli.gaussians(SIZE, PLACES, WIDTHS)
    found = fit_gaussians(3 * expected + 1)
    np.testing.assert_allclose(found.places, PLACES, atol=1e-3)
    variances = np.linalg.eigvalsh(found.covariances)
    np.testing.assert_allclose(variances, (WIDTHS**2)[:, None] * np.ones(2), rtol=1e-3)
    assert (found.explained > 0.9999).all()
    row, column = np.mgrid[: SIZE[0], : SIZE[1]]
    along, across = (column - 12) + (row - 8), (row - 8) - (column - 12)
    (tilted,) = fit_gaussians(np.exp(-(along**2) / 40 - across**2 / 12)[None]).covariances
    np.testing.assert_allclose(tilted, [[6.5, 3.5], [3.5, 6.5]], rtol=1e-2)
    flat = fit_gaussians(np.zeros((1, *SIZE)))
    assert np.isfinite(flat.places).all() and flat.explained.tolist() == [0]


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        (receptive_fields, {"at": "gray"}, "at 'gray': did you mean grey"),
        (receptive_fields, {"images": np.zeros((1, *SIZE))}, "of no use at grey"),
        (triggered_averages, {"of": "rate"}, "of 'rate': did you mean rates"),
        (triggered_averages, {"of": "responses", "images": np.zeros((1, *SIZE))}, "alone"),
        (triggered_averages, {"of": "responses"}, "knows no recording"),
        (triggered_averages, {"images": np.zeros((1, *SIZE))}, "two images or more"),
        (triggered_averages, {"images": np.zeros((2, *SIZE)), "ridge": 0}, "above 0"),
    ],
)
def test_impossible_arguments_are_refused(model, function, arguments, says):
    with pytest.raises(SensoriumError, match=says):
        function(model, **arguments)


def test_fields_are_saved_and_shown(model, tmp_path):
    found = receptive_fields(model, columns=[1, 0])
    found.save(tmp_path / "rf.npz")
    loaded = ReceptiveFieldMaps.load(tmp_path / "rf.npz")
    np.testing.assert_array_equal(loaded.fields, found.fields)
    titles = [axes.get_title() for axes in loaded.figure().axes]
    assert titles == ["column 1", "column 0"]
