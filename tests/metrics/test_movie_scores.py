"""Scores of movies: trials of many frames and of different lengths."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError, metrics
from sensorium_tf.challenges import sensorium2023

CHALLENGE = sensorium2023.CHALLENGE
# One movie shown twice, one neuron; worked out by hand below.
REPEATS = np.array([[0.0, 2, 4], [2, 2, 8]])[..., None]
RATES = np.array([[0.0, 0, 3], [0, 0, 3]])[..., None]


@pytest.fixture(scope="module")
def movies():
    """Padded responses and rates of three movies, their ids and lengths, and the same as lists."""
    random = np.random.default_rng(0)
    ids, n_frames = np.array([7, 3, 7, 3, 7, 5]), np.array([70, 61, 70, 61, 70, 52])
    clips = {each: random.gamma(2, 1, (n, 4)) for each, n in {7: 70, 3: 61, 5: 52}.items()}
    rates = [clips[each] + random.uniform(0, 0.3, clips[each].shape) for each in ids]
    responses = [random.gamma(4, clips[each] / 4) for each in ids]

    def padded(trials):
        values = np.full((len(trials), 75, 4), np.nan)
        for row, trial in zip(values, trials, strict=True):
            row[: len(trial)] = trial
        return values

    return padded(responses), padded(rates), ids, n_frames, responses, rates


def test_cc_norm_is_the_hand_worked_one():
    # Signal power (56/3 - 8/3 - 8) / 2 = 4, covariance 3, variance of the rate 2.
    found = metrics.cc_norm(REPEATS, RATES, [1, 1])
    assert found == pytest.approx([3 / np.sqrt(2 * 4)])


def test_single_trials_are_concatenated_in_time_and_repeats_averaged_frame_by_frame():
    # Over 6 frames: responses of mean 3 and variance 23/3 - 8/3, rates of mean 1 and variance 2.
    single = metrics.single_trial_correlation(REPEATS, RATES)
    responses, rates = REPEATS.ravel(), RATES.ravel()
    assert single == pytest.approx([np.corrcoef(responses, rates)[0, 1]], abs=1e-7)
    # Averages 1, 2, 6 and 0, 0, 3: covariance 3, variances 14/3 and 2.
    average = metrics.correlation_to_average(REPEATS, RATES, [1, 1])
    assert average == pytest.approx([3 / np.sqrt(14 / 3 * 2)], abs=1e-7)


def test_the_first_fifty_frames_and_the_padding_do_not_count(movies):
    responses, rates, ids, n_frames, *listed = movies
    found = metrics.evaluate_rates(responses, rates, ids, n_frames=n_frames, challenge=CHALLENGE)
    # As the published code does it: last frames of each trial, concatenated.
    together, predicted = (np.concatenate([each[50:] for each in part]) for part in listed)
    expected = [np.corrcoef(together[:, n], predicted[:, n])[0, 1] for n in range(4)]
    assert found.per_neuron["single_trial_correlation"] == pytest.approx(expected, abs=1e-6)
    averages = []
    for part in listed:
        clips = [
            np.mean([part[trial][50:] for trial in np.flatnonzero(ids == each)], axis=0)
            for each in (7, 3, 5)
        ]
        averages.append(np.concatenate(clips))
    expected = [np.corrcoef(averages[0][:, n], averages[1][:, n])[0, 1] for n in range(4)]
    assert found.per_neuron["correlation_to_average"] == pytest.approx(expected, abs=1e-6)
    assert [*found.means] == [*CHALLENGE.metrics]
    changed = responses.copy()
    changed[:, :50] = np.nan
    again = metrics.evaluate_rates(changed, rates, ids, n_frames=n_frames, challenge=CHALLENGE)
    assert again.means == found.means


def test_cc_norm_takes_as_many_repeats_as_all_repeated_movies_have(movies):
    responses, rates, ids, n_frames, *_ = movies
    mask = metrics.frame_mask(n_frames, skip=50, length=75)
    first_two = np.array([0, 1, 2, 3])
    expected = metrics.cc_norm(
        responses[first_two], rates[first_two], ids[first_two], mask=mask[first_two]
    )
    assert metrics.cc_norm(responses, rates, ids, mask=mask) == pytest.approx(expected)


def test_a_neuron_on_which_repeats_do_not_agree_has_no_cc_norm():
    noise = np.array([[0.0, 1, 0, 1], [1, 0, 1, 0]])[..., None]
    assert np.isnan(metrics.cc_norm(noise, noise, [1, 1])).all()
    constant = np.ones_like(REPEATS)
    assert metrics.cc_norm(REPEATS, constant, [1, 1]) == pytest.approx([0])


def test_the_oracle_predicts_a_frame_from_the_other_repeats_of_it():
    found = metrics.oracle_correlation(REPEATS, [1, 1])
    each, other = np.concatenate(REPEATS)[:, 0], np.concatenate(REPEATS[::-1])[:, 0]
    assert found == pytest.approx([np.corrcoef(each, other)[0, 1]], abs=1e-7)


def test_one_frame_a_trial_is_the_static_case_to_the_bit():
    random = np.random.default_rng(1)
    responses, rates = random.gamma(2, 1, (2, 20, 3))
    ids = np.arange(20) % 5
    for function in (metrics.correlation_to_average, metrics.cc_norm, metrics.feve):
        static = function(responses, rates, ids)
        np.testing.assert_array_equal(function(responses[:, None], rates[:, None], ids), static)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": np.ones((2, 4), bool)}, r"mask has shape \(2, 4\)"),
        ({"mask": np.zeros((2, 3), bool)}, "0 frames that count"),
        ({"rates": RATES[:, :2]}, "expected the same trials, frames and neurons"),
        ({"rates": np.where(RATES == 3, np.nan, RATES)}, "first in trial 0, frame 2, neuron 0"),
        ({"image_ids": [1, 1, 1]}, r"stimulus ids have shape \(3,\), expected \(2,\)"),
        ({"responses": REPEATS[:, 0], "mask": np.ones((2, 3))}, "mask tells which frames"),
    ],
)
def test_movies_that_cannot_be_scored_are_refused(change, message):
    given = {"responses": REPEATS, "rates": RATES, "image_ids": [1, 1], **change}
    with pytest.raises(SensoriumError, match=message):
        metrics.correlation_to_average(**given)


def test_a_movie_shorter_than_what_is_not_scored_is_named():
    with pytest.raises(SensoriumError, match="trial 1 has 50 frames, expected more than 50"):
        metrics.frame_mask([60, 50], skip=50)
