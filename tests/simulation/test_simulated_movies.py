"""A simulated mouse that sees movies: what its neurons respond to, and its files."""

import numpy as np
import pytest
from movie_files import CHALLENGE, simulated_movies

from sensorium_tf import SensoriumError
from sensorium_tf.recordings import MovieRecording, MovieTruth
from sensorium_tf.simulation import simulate_movie_recording
from sensorium_tf.simulation.movie_population import MovieFields, sample_movie_population
from sensorium_tf.simulation.moving_stimuli import OUT_OF_DOMAIN, natural_movie

SIZE, RATE = (36, 64), 30.0


@pytest.fixture(scope="module")
def population():
    return sample_movie_population(40, np.random.default_rng(0), size=SIZE)


@pytest.fixture(scope="module")
def fields(population):
    movie = natural_movie(90, SIZE, RATE, np.random.default_rng(1))
    return MovieFields(population, [movie], frame_rate=RATE)


def drifting(direction, wavelength, frequency, n_frames=90):
    row, column = np.indices(SIZE)
    along = (np.cos(direction) * column + np.sin(direction) * row) / wavelength
    phase = along - (np.arange(n_frames) * frequency / RATE)[:, None, None]
    return 105 + 55 * np.sin(2 * np.pi * phase)


def test_neurons_prefer_their_direction_as_much_as_they_are_selective(population, fields):
    index = []
    for n in range(40):
        rates = [
            fields.rates(
                drifting(
                    population.directions[n] + turn,
                    population.static.wavelengths[n],
                    population.frequencies[n],
                ),
                np.zeros((1, 40), np.float32),
            )[30:, n].mean()
            for turn in (0, np.pi)
        ]
        index.append((rates[0] - rates[1]) / sum(rates))
    index = np.array(index)
    assert (index > -0.15).all() and index.mean() > 0.3
    assert np.corrcoef(index, population.selectivities)[0, 1] > 0.5


def test_neurons_adapt_to_what_goes_on(population, fields):
    n = int(np.argmax(population.adaptations))
    quiet = np.full((60, *SIZE), 105.0)
    movie = drifting(
        population.directions[n], population.static.wavelengths[n], population.frequencies[n], 120
    )
    rates = fields.rates(np.concatenate([quiet, movie]), np.zeros((1, 40), np.float32))[60:, n]
    assert rates[15:45].mean() > rates[90:].mean()


def test_behavior_changes_the_gain(fields):
    movie = natural_movie(20, SIZE, RATE, np.random.default_rng(2))
    still = fields.rates(movie, np.zeros((1, 40), np.float32))
    np.testing.assert_allclose(
        fields.rates(movie, np.full((20, 40), np.log(2), np.float32)), 2 * still, rtol=1e-5
    )


@pytest.mark.parametrize("draw", [natural_movie, *OUT_OF_DOMAIN.values()])
def test_stimuli_move_and_are_grey_values(draw):
    movie = draw(40, SIZE, RATE, np.random.default_rng(3))
    assert movie.shape == (40, *SIZE)
    assert movie.min() >= 0 and movie.max() <= 255 and movie.std() > 5
    assert np.abs(np.diff(movie, axis=0)).mean() > 0.5


def test_equal_arguments_give_equal_files_and_the_true_rates_predict(tmp_path):
    first, again = (simulated_movies(tmp_path / name) for name in ("a", "b"))
    for suffix in (".zip", "_truth.npz"):
        files = [path.with_name(f"{path.stem}{suffix}") for path in (first, again)]
        assert files[0].read_bytes() == files[1].read_bytes()
    with MovieRecording(first, challenge=CHALLENGE) as recording, MovieTruth.open(first) as truth:
        tiers = dict(zip(*np.unique(recording.tiers, return_counts=True), strict=True))
        assert tiers == {"train": 6, **dict.fromkeys(["oracle", *CHALLENGE.test_tiers], 4)}
        responses, rates = (
            np.concatenate([read(i) for i in range(recording.n_trials)])
            for read in (truth.responses, truth.rates)
        )
        correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(responses.T, rates.T, strict=True)]
        assert np.mean(correlations) > 0.3
        assert {"direction", "selectivity", "frequency", "place"} <= truth.neurons.keys()
        withheld = recording.trials_of("live_test_main")[0]
        assert not recording.trial(withheld).signals["response"].any()
        assert truth.responses(withheld).any()


@pytest.mark.parametrize("name", ["n_neurons", "n_clips", "n_frames", "n_repeats"])
def test_what_cannot_be_simulated_is_refused(tmp_path, name):
    with pytest.raises(SensoriumError, match=f"{name[2:]} 0: expected at least"):
        simulate_movie_recording(tmp_path, **{name: 0})


def test_a_damaged_truth_is_one_line(tmp_path):
    path = tmp_path / "a_truth.npz"
    path.write_bytes(b"PK\3\4 and nothing more")
    with pytest.raises(SensoriumError, match="not the truth"), MovieTruth.open(path):
        pass
