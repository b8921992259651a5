"""Tuning to drifting gratings, by models of movies."""

import dataclasses

import numpy as np
import pytest
from known_model import COMPLEX, ORIENTATIONS, SIZE, known_model
from known_movie_model import DELAY, DIRECTIONS, FREQUENCY, known_movie_model, movie_spec
from movie_models import CORE, movie_model

from sensorium_tf import SensoriumError
from sensorium_tf.insilico import (
    DirectionTuning,
    Neurons,
    TemporalFrequencyTuning,
    direction_tuning,
    orientation_tuning,
    stimuli,
    temporal_frequency_tuning,
)
from sensorium_tf.insilico.measures import vector_sums
from sensorium_tf.insilico.motion import direction_measures, temporal_frequency_measures
from sensorium_tf.models import EnsembleModel
from sensorium_tf.simulation.movie_population import MovieFields, sample_movie_population
from sensorium_tf.simulation.moving_stimuli import natural_movie

FEW = {"wavelengths": [6.0, 8.0], "frequencies": [1.0, 2.0, 3.0, 5.0]}


@pytest.fixture(scope="module")
def known():
    return known_movie_model()


def turned(first, second, turn=2 * np.pi):
    """Distance of angles, degrees."""
    return np.degrees(np.abs((first - second + turn / 2) % turn - turn / 2))


def test_neurons_prefer_their_own_direction_and_frequency(known):
    found = direction_tuning(known, **FEW)
    assert turned(found.preferred, DIRECTIONS).max() < 4
    assert turned(found.orientations, ORIENTATIONS, np.pi).max() < 4
    assert (found.selectivity > 0.3).all() and (found.p_values < 0.01).all()
    assert (found.orientation_selectivity > 0.2).all()
    tuned = temporal_frequency_tuning(known, **FEW)
    np.testing.assert_allclose(tuned.preferred, FREQUENCY, rtol=0.1)
    assert ((tuned.modulation < 0.5) == COMPLEX).all()


def test_rates_are_those_of_each_movie_once_they_have_settled(known):
    found = direction_tuning(known, n_permutations=1)
    assert found.rates.shape == (4, 12, 4, 4, 30)
    neurons = Neurons(known)
    movies = stimuli.drifting_gratings(
        SIZE, found.directions[[5]], found.wavelengths[[2]], found.frequencies[[0]],
        n_frames=DELAY + 15 + 30, frame_rate=30.0,
    )  # fmt: skip
    shown = (neurons.amplitude * movies[..., None]).astype("float32")
    rates = known({"known": {"video": shown}})["known"].numpy()[0, 15:]
    np.testing.assert_allclose(found.rates[:, 5, 2, 0], rates.T, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(neurons.rates(shown)[0, 15:], rates, rtol=1e-4, atol=1e-5)
    alone = neurons.own_rates(shown[[0, 0]], [3, 1])
    np.testing.assert_allclose(alone[:, 15:], rates.T[[3, 1]], rtol=1e-4, atol=1e-5)
    short = direction_tuning(
        known, seconds=0.2, settling=0.1, contrast=0.5, directions=[0, 1, 2], **FEW
    )
    assert short.rates.shape[-1] == 6 and short.settings["settling"] == 0.1
    assert short.settings["contrast"] == 0.5 and short.settings["frame_rate"] == 30


def test_a_grating_drifts_in_its_direction_at_its_frequency():
    right, down = stimuli.drifting_gratings(
        (12, 12), [0, np.pi / 2], [6, 6], [5, 5], n_frames=7, frame_rate=30.0
    )
    # A sixth of a cycle a frame: one pixel.
    np.testing.assert_allclose(right[1], np.roll(right[0], 1, axis=1), atol=1e-5)
    np.testing.assert_allclose(down[1], np.roll(down[0], 1, axis=0), atol=1e-5)
    np.testing.assert_allclose(right[6], right[0], atol=1e-5)


def test_direction_selectivity_is_the_vector_sum():
    directions = np.arange(4) * np.pi / 2
    curves = np.array([[1, 5, 1, 1], [3, 0, 3, 0], [0, 0, 0, 2], [0, 0, 0, 0]], float)
    preferred, selectivity = vector_sums(curves, directions, harmonic=1)
    np.testing.assert_allclose(selectivity, [0.5, 0, 1, 0], atol=1e-9)
    np.testing.assert_allclose(preferred[[0, 2]], [np.pi / 2, 1.5 * np.pi])


def test_simulated_neurons_prefer_what_the_truth_says():
    random = np.random.default_rng(3)
    size, rate, n_frames, counted = (18, 32), 30.0, 45, 30
    population = sample_movie_population(30, random, size=size)
    fields = MovieFields(population, [natural_movie(60, size, rate, random)], frame_rate=rate)
    directions = np.arange(12) * np.pi / 6
    wavelengths, frequencies = np.array([4.0, 8.0]), np.array([1.0, 2.0, 4.0])
    shown = stimuli.grid(d=directions, w=wavelengths, f=frequencies)
    movies = 105 + 100 * stimuli.drifting_gratings(
        size, *shown.values(), n_frames=n_frames, frame_rate=rate
    )
    still = np.zeros((n_frames, 30))
    rates = np.stack([fields.rates(movie, still)[-counted:] for movie in movies])
    rates = np.moveaxis(rates.reshape(12, 2, 3, counted, 30), -1, 0)
    truth = population.tuning()
    found = direction_measures(rates, directions, n_permutations=50, seed=0)
    assert np.median(turned(found["preferred"], truth["direction"])) < 3
    assert np.median(turned(found["orientations"], truth["orientation"], np.pi)) < 3
    assert np.corrcoef(found["selectivity"], truth["selectivity"])[0, 1] > 0.9
    tuned = temporal_frequency_measures(rates, frequencies, frame_rate=rate)
    assert np.corrcoef(tuned["preferred"], truth["frequency"])[0, 1] > 0.9
    is_complex = truth["kind"] == "complex"
    assert tuned["modulation"][is_complex].max() < 1 < tuned["modulation"][~is_complex].min()


def test_behavior_is_held_at_every_frame(known):
    moving = known_movie_model(behavior=1)
    with pytest.raises(SensoriumError, match="at which behavior is the experiment done"):
        Neurons(moving)
    movies = np.random.default_rng(0).normal(size=(2, 6, *SIZE, 1)).astype("float32")
    rates = Neurons(moving, state={"behavior": [0.7]}).rates(movies)
    for frame in range(3):
        seen = movies[:, frame : frame + DELAY + 1].copy()
        seen[:, DELAY] += 0.7  # behavior is added to the last frame alone
        expected = Neurons(known).rates(seen)[:, 0]
        np.testing.assert_allclose(rates[:, frame], expected, rtol=1e-3, atol=1e-4)


def test_the_rates_of_an_ensemble_are_its_members_mean(known):
    movies = np.random.default_rng(0).normal(size=(2, 6, *SIZE, 1)).astype("float32")
    other = known_movie_model(scale=0.5)
    both = Neurons(EnsembleModel([known, other])).rates(movies)
    expected = (Neurons(known).rates(movies) + Neurons(other).rates(movies)) / 2
    np.testing.assert_allclose(both, expected, rtol=1e-5)


def test_the_rate_of_one_neuron_is_that_of_the_whole_model():
    """Of an ensemble whose members lose 3 frames and 1, computed of patches."""
    places = {"a": np.random.default_rng(0).normal(size=(4, 3))}
    short = "factorised_3d(channels=[3], spatial_kernels=[5], temporal_kernels=[2])"
    members = [movie_model(places, core=core, seed=1) for core in (CORE, short)]
    state = {"behavior": [0.3, -0.2], "pupil_center": [0.2, -0.4]}
    neurons = Neurons(EnsembleModel(members), columns=[3, 0, 2], state=state)
    assert neurons._windows is not None and neurons.lost_frames == 3
    movies = np.random.default_rng(1).normal(size=(3, 7, *neurons.image_shape)).astype("float32")
    whole = neurons.rates(movies)
    assert whole.shape == (3, 4, 3) and np.ptp(whole) > 0.01
    expected = np.stack([whole[each, :, each] for each in range(3)])
    np.testing.assert_allclose(neurons.own_rates(movies), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"directions": np.linspace(0, 2 * np.pi, 12)}, "2 pi left out"),
        ({"directions": [0, 1]}, "3 or more"),
        ({"wavelengths": [1.0]}, "two pixels or more"),
        ({"frequencies": [1, 15]}, "below half the frame rate, 15"),
        ({"frequencies": [0, 2]}, "above 0"),
        ({"contrast": 0}, "contrast 0"),
        ({"seconds": 0.01}, "seconds 0.01: expected a time in seconds, 2 or more frames"),
        ({"settling": -1}, "settling -1"),
    ],
)
def test_impossible_gratings_are_refused(known, arguments, says):
    for tuning in (direction_tuning, temporal_frequency_tuning):
        with pytest.raises(SensoriumError, match=says):
            tuning(known, **arguments)


def test_images_and_movies_are_not_taken_for_each_other(known):
    with pytest.raises(SensoriumError, match="direction_tuning: .* a static model sees no motion"):
        direction_tuning(known_model())
    with pytest.raises(
        SensoriumError, match="orientation_tuning: .* choose direction_tuning"
    ) as no:
        orientation_tuning(known)
    assert "\n" not in str(no.value)
    with pytest.raises(SensoriumError, match="known: .* first 3 frames .* only 3"):
        Neurons(known).rates(np.zeros((1, 3, *SIZE, 1), "float32"))


@pytest.mark.parametrize(
    "spec",
    [movie_spec(mice=()), dataclasses.replace(movie_spec(), statistics="time_resolved")],
    ids=["no recording", "statistics of each frame"],
)
def test_movies_without_a_way_to_grey_are_in_the_models_units(spec):
    neurons = Neurons(known_movie_model(spec=spec))
    assert not neurons.knows_grey and neurons.amplitude == 1.8
    for there_or_back in (neurons.from_grey, neurons.to_grey):
        with pytest.raises(SensoriumError, match="statistics"):
            there_or_back(np.zeros((*SIZE, 1), "float32"))


@pytest.mark.parametrize(
    ("function", "result"),
    [
        (direction_tuning, DirectionTuning),
        (temporal_frequency_tuning, TemporalFrequencyTuning),
    ],
)
def test_tuning_is_saved_and_shown(known, tmp_path, function, result):
    function(known, columns=[3], **FEW).save(tmp_path / "tuning.npz")
    found = result.load(tmp_path / "tuning.npz")
    (axes,) = found.figure().axes
    assert axes.get_title() == "column 3"
    np.testing.assert_allclose(axes.lines[0].get_ydata(), found.curves[0])
    assert found.rows()[0]["preferred"] == found.preferred[0]
