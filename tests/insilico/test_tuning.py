"""Tuning to gratings."""

import numpy as np
import pytest
from known_model import COMPLEX, ORIENTATIONS, WAVELENGTHS

from sensorium_tf import SensoriumError
from sensorium_tf.insilico import (
    Neurons,
    OrientationTuning,
    SpatialFrequencyTuning,
    orientation_tuning,
    spatial_frequency_tuning,
    stimuli,
)
from sensorium_tf.insilico.measures import angle_measures, peak_measures
from sensorium_tf.simulation.images import dead_leaves
from sensorium_tf.simulation.population import ReceptiveFields, sample_population


def turned(first, second):
    """Distance of orientations, radians."""
    return np.abs((first - second + np.pi / 2) % np.pi - np.pi / 2)


def test_neurons_prefer_their_own_orientation_and_wavelength(model):
    wavelengths = np.arange(4, 13)
    found = orientation_tuning(model, wavelengths=wavelengths)
    assert np.degrees(turned(found.preferred, ORIENTATIONS)).max() < 3
    assert (found.selectivity > 0.3).all() and (found.p_values < 0.01).all()
    tuned = spatial_frequency_tuning(model, wavelengths=wavelengths)
    np.testing.assert_allclose(tuned.preferred, WAVELENGTHS, rtol=0.1)
    assert ((tuned.modulation < 0.5) == COMPLEX).all()


def test_all_neurons_see_the_same_576_gratings(model):
    found = orientation_tuning(model)
    assert found.rates.shape == (4, 12, 6, 8)
    neurons = Neurons(model)
    (wave,) = stimuli.gratings(
        neurons.image_shape[:2],
        found.orientations[5], found.wavelengths[2], found.phases[3],
    )  # fmt: skip
    contrast = min(-neurons.limits[0], neurons.limits[1])
    expected = neurons.rates(contrast * wave[None, ..., None])[0]
    np.testing.assert_allclose(found.rates[:, 5, 2, 3], expected, rtol=1e-4)
    half = orientation_tuning(model, contrast=0.5)
    expected = neurons.rates(contrast / 2 * wave[None, ..., None])[0]
    np.testing.assert_allclose(half.rates[:, 5, 2, 3], expected, rtol=1e-4)


def test_selectivity_is_the_vector_sum():
    orientations = np.arange(4) * np.pi / 4
    rates = np.array([[1, 5, 1, 1], [2, 2, 2, 2], [0, 0, 3, 0], [0, 0, 0, 0]], float)
    found = angle_measures(
        rates[:, :, None, None], orientations, harmonic=2, n_permutations=200, seed=0
    )
    np.testing.assert_allclose(found["selectivity"], [0.5, 0, 1, 0], atol=1e-9)
    assert found["preferred"][0] == pytest.approx(np.pi / 4)
    assert found["preferred"][2] == pytest.approx(np.pi / 2)
    assert (found["p_values"][[1, 3]] == 1).all()
    np.testing.assert_allclose(found["p_values"][[0, 2]], 1, atol=1e-9)  # any place is as good


def test_p_values_of_untuned_neurons_are_even():
    rates = np.random.default_rng(0).gamma(2.0, size=(300, 12, 1, 8))
    orientations = np.arange(12) * np.pi / 12
    found = angle_measures(rates, orientations, harmonic=2, n_permutations=199, seed=1)["p_values"]
    assert 0.4 < found.mean() < 0.6
    assert 0.02 < (found < 0.1).mean() < 0.18


def test_modulation_is_twice_the_fundamental_over_the_mean():
    phases = np.arange(8) * np.pi / 4
    rates = np.stack([2 + np.cos(phases), np.full(8, 3.0)])[:, None, None]
    found = peak_measures(rates, np.array([5.0]), phases[None])
    np.testing.assert_allclose(found["modulation"], [0.5, 0], atol=1e-9)
    np.testing.assert_allclose(found["preferred"], 5)


def test_the_preferred_wavelength_lies_between_those_shown():
    wavelengths = np.array([4.0, 6.0, 9.0, 13.0])
    curves = 5 - (np.log(wavelengths) - np.log(7.0)) ** 2
    found = peak_measures(curves[None, None, :, None] * np.ones(8), wavelengths, np.zeros((4, 8)))
    assert found["preferred"][0] == pytest.approx(7.0)


def test_simulated_neurons_prefer_what_the_truth_says():
    random = np.random.default_rng(5)
    size = (18, 32)
    population = sample_population(40, random, size=size)
    images = dead_leaves(300, size, random)[..., None].astype(np.float32)
    fields = ReceptiveFields(population, images)
    orientations, phases = np.arange(12) * np.pi / 12, np.arange(8) * np.pi / 4
    wavelengths = size[1] * np.geomspace(1 / 16, 1 / 3, 6)
    shown = stimuli.grid(o=orientations, w=wavelengths, p=phases)
    waves = 105 + 105 * stimuli.gratings(size, shown["o"], shown["w"], shown["p"])[..., None]
    rates = fields.drive(waves, np.zeros((len(waves), 2))).T.reshape(40, 12, 6, 8)
    truth = population.tuning()
    measured = angle_measures(rates, orientations, harmonic=2, n_permutations=100, seed=0)
    assert np.median(np.degrees(turned(measured["preferred"], truth["orientation"]))) < 5
    measured = peak_measures(rates, wavelengths, np.tile(phases, (6, 1)))
    is_complex = truth["kind"] == "complex"
    assert measured["modulation"][is_complex].max() < 1 < measured["modulation"][~is_complex].min()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"orientations": np.linspace(0, 6, 12)}, "a static model sees no motion"),
        ({"orientations": [0, 1, 0.5]}, "ascending order"),
        ({"orientations": [0, 1]}, "3 or more"),
        ({"wavelengths": [1.0]}, "two pixels or more"),
        ({"phases": [0, 1, np.nan]}, "finite"),
        ({"contrast": 1.5}, "contrast 1.5"),
    ],
)
def test_impossible_gratings_are_refused(model, arguments, says):
    with pytest.raises(SensoriumError, match=says):
        orientation_tuning(model, **arguments)
    with pytest.raises(SensoriumError, match=says):
        spatial_frequency_tuning(model, **arguments)


@pytest.mark.parametrize(
    ("function", "result"),
    [
        (orientation_tuning, OrientationTuning),
        (spatial_frequency_tuning, SpatialFrequencyTuning),
    ],
)
def test_tuning_is_saved_and_shown(model, tmp_path, function, result):
    function(model, columns=[3]).save(tmp_path / "tuning.npz")
    found = result.load(tmp_path / "tuning.npz")
    assert found.columns.tolist() == [3]
    (axes,) = found.figure().axes
    assert axes.get_title() == "column 3"
    np.testing.assert_allclose(axes.lines[0].get_ydata(), found.curves[0])
