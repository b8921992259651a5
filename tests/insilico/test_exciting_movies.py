"""The movies that excite neurons most."""

import numpy as np
import pytest
from known_model import SIZE, known_model
from known_movie_model import DELAY, known_movie_model, movie_filters, movie_spec
from movie_models import movie_model

from sensorium_tf import SensoriumError
from sensorium_tf.insilico import (
    MostExcitingMovies,
    Neurons,
    drifting_gratings,
    most_exciting_movie,
)
from sensorium_tf.insilico.ascent import Ascent, Projection, correlations
from sensorium_tf.insilico.exciting_movies import movie_shape
from sensorium_tf.insilico.smoothing import blur, blur_matrices, over_root_frequency

NORM = 6.0
FRAMES = DELAY + 1


@pytest.fixture(scope="module")
def movie_neurons():
    return Neurons(known_movie_model())


@pytest.fixture(scope="module")
def exciting(movie_neurons):
    return most_exciting_movie(movie_neurons, norm=NORM, steps=40, n_starts=3)


def test_the_most_exciting_movie_of_a_filter_is_the_filter(exciting, movie_neurons):
    assert exciting.movies.shape == (4, FRAMES, *SIZE, 1)
    expected = np.zeros((2, FRAMES, *SIZE))
    expected[:, [0, -1]] = movie_filters()[0][:2]
    assert (correlations(exciting.movies[:2], expected) > 0.95).all()
    np.testing.assert_allclose(exciting.norms, NORM, rtol=1e-3)
    np.testing.assert_allclose(exciting.movies.mean((1, 2, 3, 4)), 0, atol=1e-3)
    np.testing.assert_allclose(exciting.grey, movie_neurons.to_grey(exciting.movies), atol=1e-3)
    assert exciting.grey.min() >= 0 and exciting.grey.max() <= 255
    assert (exciting.agreement[:2] > 0.98).all()
    np.testing.assert_allclose(exciting.rates, movie_neurons.own_rates(exciting.movies)[:, -1])
    np.testing.assert_allclose(exciting.rates, np.nanmax(exciting.start_rates, 1), rtol=1e-5)


def test_it_beats_every_drifting_grating(exciting, movie_neurons):
    angles = np.arange(12) * np.pi / 6
    waves = drifting_gratings(
        SIZE, angles, np.full(12, 7.0), np.full(12, 2.5), n_frames=FRAMES, frame_rate=30.0
    )
    projection = Projection(movie_neurons, NORM, (FRAMES, *SIZE, 1))
    rates = movie_neurons.rates(projection.numpy(waves[..., None]))[:, -1]
    assert (exciting.rates > rates.max(0)).all()


def test_the_mean_rate_of_the_last_frames_is_maximised(movie_neurons):
    found = most_exciting_movie(
        movie_neurons.only([2]), norm=NORM, steps=30, n_starts=1, rated_frames=3
    )
    assert found.movies.shape[1] == DELAY + 3 and np.isnan(found.agreement).all()
    rates = movie_neurons.own_rates(found.movies, [2])
    np.testing.assert_allclose(found.rates, rates.mean(1), rtol=1e-5)
    alone = most_exciting_movie(
        movie_neurons.only([2]), norm=NORM, steps=30, n_starts=1, n_frames=DELAY + 3
    )
    # One rate is highest where all contrast goes into its frames.
    assert alone.rates[0] > found.rates[0] > movie_neurons.own_rates(alone.movies, [2]).mean()


def test_movies_are_made_smooth_in_time_as_in_space(movie_neurons):
    found = most_exciting_movie(
        movie_neurons.only([0]), norm=NORM, steps=40, n_starts=1, method="walker2019"
    )
    expected = np.zeros((1, FRAMES, *SIZE))
    expected[:, [0, -1]] = movie_filters()[0][:1]
    assert 0.85 < correlations(found.movies, expected)[0] < 0.99
    point = np.zeros((1, 9, 7, 11, 1), np.float32)
    point[0, 4, 3, 5] = 1
    blurred = blur(point, blur_matrices((9, 7, 11), 0.8)).numpy()[0, ..., 0]
    for axis in range(3):
        np.testing.assert_allclose(blurred, np.flip(blurred, axis), atol=1e-6)
    along = [blurred[:, 3, 5], blurred[4, :, 5], blurred[4, 3]]
    ratios = [line[len(line) // 2 + 1] / line[len(line) // 2] for line in along]
    np.testing.assert_allclose(ratios, np.exp(-0.5 / 0.8**2), rtol=1e-3)


def test_power_is_over_the_frequency_in_space_and_time():
    t, y, x = np.meshgrid(np.arange(8), np.arange(10), np.arange(12), indexing="ij")
    for waves in ((1, 0, 0), (2, 1, 3), (0, 0, 2)):
        cycles = [n / length for n, length in zip(waves, t.shape, strict=True)]
        wave = np.cos(2 * np.pi * (cycles[0] * t + cycles[1] * y + cycles[2] * x))
        found = over_root_frequency(wave[None, ..., None].astype("float32")).numpy()[0, ..., 0]
        np.testing.assert_allclose(found, wave / np.linalg.norm(cycles) ** 0.5, atol=1e-4)


def test_the_least_exciting_movie_is_the_reverse(movie_neurons, exciting):
    found = most_exciting_movie(movie_neurons.only([0]), norm=NORM, steps=40, n_starts=1, sign=-1)
    assert correlations(found.movies, exciting.movies[:1])[0] < -0.95


def test_fewer_movies_than_images_are_worked_on_at_once(movie_neurons, monkeypatch):
    monkeypatch.setattr("sensorium_tf.insilico.ascent._BATCH", 3 * FRAMES)
    made, ends = [], Ascent._ends
    monkeypatch.setattr(
        Ascent, "_ends", lambda self, *given: made.append(len(given[0])) or ends(self, *given)
    )
    most_exciting_movie(movie_neurons, norm=NORM, steps=2, n_starts=1)
    assert made == [3, 1]


def test_models_with_a_rate_at_every_frame_get_20_frames():
    core = "factorised_3d(channels=[2], spatial_kernels=[3], temporal_kernels=[3], pad_past=True)"
    model = movie_model({"a": np.random.default_rng(0).normal(size=(2, 3))}, core=core, seed=1)
    neurons = Neurons(model, state={"behavior": [0, 0], "pupil_center": [0, 0]})
    assert movie_shape(neurons) == (20, 12, 16, 1)
    assert movie_shape(neurons, rated_frames=30)[0] == 30
    found = most_exciting_movie(neurons, steps=1, n_starts=1, n_frames=3)
    assert found.movies.shape == (2, 3, 12, 16, 1) and found.grey is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n_frames": 3}, "no rates of the first 3 frames: give 4 or more for 1 rated"),
        ({"rated_frames": 0}, "rated_frames 0"),
        ({"n_starts": 0}, "n_starts 0"),
        ({"sign": 2}, "sign 2"),
        ({"norm": 1000.0}, "a display shows videos of at most"),
    ],
)
def test_impossible_movies_are_refused(movie_neurons, arguments, says):
    with pytest.raises(SensoriumError, match=says):
        most_exciting_movie(movie_neurons, **arguments)


def test_models_of_images_have_none():
    with pytest.raises(SensoriumError, match="most_exciting_movie: .* a static model sees no"):
        most_exciting_movie(known_model())


@pytest.mark.parametrize("spec", [None, movie_spec(mice=())], ids=["grey", "own units"])
def test_movies_are_saved_and_shown(spec, tmp_path):
    model = known_movie_model(spec=spec)
    made = most_exciting_movie(model, columns=[3, 1], steps=1, n_starts=1, n_frames=24)
    made.save(tmp_path / "a.npz")
    found = MostExcitingMovies.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.movies, made.movies)
    first, _ = found.figure().axes
    assert first.get_title("left").startswith("column 3: ")
    shown = first.images[0].get_array()
    assert shown.shape == (SIZE[0], 8 * 24 + 7 * 2)  # every third of 24 frames
    last = (found.movies if found.grey is None else found.grey)[0, -1, ..., 0]
    np.testing.assert_allclose(shown[:, -24:], last)
    assert (found.grey is None) == (spec is not None)
