"""How sure a mean over neurons is."""

import itertools

import numpy as np
import pytest

from sensorium_tf import SensoriumError, metrics
from sensorium_tf.metrics import bootstrap_interval


def test_the_ends_are_quantiles_of_the_means_of_all_resamples():
    values = np.array([0.0, 1.0, 5.0, 9.0])
    means = sorted(sum(drawn) / 4 for drawn in itertools.product(values, repeat=4))
    # The shares of means at or below the ends are those asked for, counted over all 256.
    for confidence in (0.95, 0.5):
        low, high = bootstrap_interval(values, confidence=confidence, n_resamples=20_000)
        below, above = (1 - confidence) / 2, (1 + confidence) / 2
        assert np.mean(np.less(means, low)) <= below <= np.mean(np.less_equal(means, low)) + 0.01
        assert np.mean(np.less(means, high)) - 0.01 <= above <= np.mean(np.less_equal(means, high))


def test_of_many_neurons_it_is_the_textbooks_interval():
    values = np.random.default_rng(1).gamma(2, 0.1, 8000)
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std(ddof=1) / np.sqrt(8000)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 10)


def test_it_covers_the_true_mean_as_often_as_it_says():
    random = np.random.default_rng(2)
    for confidence in (0.95, 0.8):
        covered = 0
        for _ in range(400):
            interval = bootstrap_interval(
                random.gamma(2, 0.1, 80), confidence=confidence, n_resamples=500
            )
            covered += interval[0] <= 0.2 <= interval[1]
        # Three standard errors of a share of 400, and what so skewed values cost.
        assert covered / 400 == pytest.approx(confidence, abs=0.05)


def test_paired_differences_have_the_interval_of_what_differs():
    random = np.random.default_rng(3)
    covered, widths = 0, []
    for _ in range(300):
        neurons = random.normal(0.3, 0.2, 100)
        difference = random.normal(0.01, 0.02, 100)
        low, high = bootstrap_interval((neurons + difference) - neurons, n_resamples=500)
        covered += low <= 0.01 <= high
        widths.append(high - low)
    assert covered / 300 == pytest.approx(0.95, abs=0.04)
    assert np.mean(widths) == pytest.approx(2 * 1.96 * 0.02 / 10, rel=0.1)


def test_equal_values_and_seeds_give_equal_intervals():
    values = np.random.default_rng(4).normal(size=50)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values) != bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values) == bootstrap_interval(values, confidence=0.95, seed=0)
    assert bootstrap_interval(values) == bootstrap_interval(values, n_resamples=2000)


def test_more_values_than_are_drawn_at_once_make_no_difference(monkeypatch):
    values = np.random.default_rng(5).normal(size=100)
    at_once = bootstrap_interval(values, n_resamples=3000)
    monkeypatch.setattr(metrics.intervals, "_VALUES_AT_ONCE", 700)
    assert bootstrap_interval(values, n_resamples=3000) == pytest.approx(at_once, abs=0.02)
    monkeypatch.setattr(metrics.intervals, "_VALUES_AT_ONCE", 10)
    assert bootstrap_interval(values, n_resamples=3000) == pytest.approx(at_once, abs=0.02)


def test_neurons_that_do_not_count_are_left_out():
    values = np.array([1.0, np.nan, 2.0, np.nan, 4.0])
    assert bootstrap_interval(values) == bootstrap_interval([1.0, 2.0, 4.0])


@pytest.mark.parametrize("values", [[], [0.5], [np.nan, np.nan], [np.nan, 0.5]])
def test_fewer_than_two_neurons_have_no_interval(values):
    assert bootstrap_interval(values) is None


@pytest.mark.parametrize(
    ("values", "arguments", "says"),
    [
        ([[1.0, 2.0]], {}, r"shape \(neurons,\)\. Received: float64 values of shape \(1, 2\)"),
        (["a", "b"], {}, "needs numbers"),
        ([1.0, np.inf], {}, "Received: infinity"),
        ([1.0, 2.0], {"confidence": 95}, "confidence 95: expected a number between 0 and 1"),
        ([1.0, 2.0], {"confidence": 0}, "confidence 0"),
        ([1.0, 2.0], {"n_resamples": 0}, "0 resamples: expected 1 or more"),
    ],
)
def test_what_has_no_interval_is_refused(values, arguments, says):
    with pytest.raises(SensoriumError, match=says):
        bootstrap_interval(values, **arguments)


def test_a_summary_has_means_and_intervals_of_what_is_defined():
    values = {"a": np.array([1.0, np.nan, 3.0]), "b": None, "c": np.full(3, np.nan)}
    assert metrics.summarize(values) == {
        "a": 2.0,
        "b": None,
        "c": None,
        "intervals": {"a": bootstrap_interval([1.0, 3.0]), "b": None, "c": None},
    }


def test_the_summary_of_scores_agrees_with_their_means():
    random = np.random.default_rng(6)
    image_ids = np.repeat(np.arange(8), 5)
    responses = random.gamma(2, 1, (8, 30))[image_ids] + random.gamma(1, 1, (40, 30))
    rates = responses + random.normal(size=responses.shape)
    found = metrics.evaluate_rates(responses, rates, image_ids)
    assert found.summary.items() >= found.means.items()
    fev = metrics.explainable_variance(responses, image_ids)
    assert found.n_neurons == {"feve": np.sum(fev >= 0.15)}
    for name, values in found.per_neuron.items():
        assert found.summary["intervals"][name] == bootstrap_interval(values)
    without = metrics.evaluate_rates(responses, rates, image_ids, track="sensorium_plus")
    assert without.n_neurons == {"feve": None}
    assert without.summary["feve"] is without.summary["intervals"]["feve"] is None
