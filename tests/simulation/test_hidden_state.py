"""What moves rates and is not recorded."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.simulation import HiddenState, simulate_mouse

SIZES = {"n_neurons": 40, "n_images": 150, "n_repeats": 3, "seed": 3}


@pytest.fixture(scope="module")
def plain():
    return simulate_mouse(**SIZES)


def residuals(mouse, plain):
    """Log ratio of the rates with and without a hidden state, in order of time."""
    order = np.argsort(mouse.trial_ids)
    ratio = np.log((mouse.rates + 1e-6) / (plain.rates + 1e-6))[order]
    return ratio - ratio.mean(0)


def lagged(values, lag):
    """Mean correlation over neurons of what is `lag` trials apart."""
    a, b = values[:-lag], values[lag:]
    a, b = a - a.mean(0), b - b.mean(0)
    return np.mean((a * b).mean(0) / (a.std(0) * b.std(0)))


def test_without_any_it_is_the_same_mouse(plain):
    same = simulate_mouse(**SIZES, hidden=HiddenState())
    for name in ("rates", "responses", "images"):
        np.testing.assert_array_equal(getattr(same, name), getattr(plain, name))


def test_a_slow_gain_is_shared_and_lasts(plain):
    mouse = simulate_mouse(**SIZES, hidden=HiddenState(slow_gain=0.5))
    found = residuals(mouse, plain)
    assert lagged(found, 1) > 0.95
    assert lagged(found, 20) > 0.5
    alike = np.corrcoef(found.T)
    assert np.mean(np.abs(alike)) > 0.9
    np.testing.assert_array_equal(mouse.signals["behavior"], plain.signals["behavior"])


def test_fluctuations_are_shared_and_pass(plain):
    found = residuals(simulate_mouse(**SIZES, hidden=HiddenState(shared_fluctuations=0.5)), plain)
    assert abs(lagged(found, 20)) < 0.2
    shares = np.linalg.svd(found - found.mean(0), compute_uv=False) ** 2
    assert shares[:3].sum() / shares.sum() > 0.95


def test_a_neuron_that_was_active_before_is_less_so(plain):
    mouse = simulate_mouse(**SIZES, hidden=HiddenState(adaptation=1.0))
    order = np.argsort(mouse.trial_ids)
    before = mouse.rates[order][:-1]
    found = residuals(mouse, plain)[1:]
    correlations = [np.corrcoef(a, b)[0, 1] for a, b in zip(before.T, found.T, strict=True)]
    assert np.mean(correlations) < -0.3


@pytest.mark.parametrize("size", [-0.1, float("inf"), float("nan")])
def test_a_size_that_cannot_be_is_refused(size):
    with pytest.raises(SensoriumError, match="simulated mouse: slow_gain .*: expected 0 or more"):
        HiddenState(slow_gain=size)


def known_past(mouse, tier):
    """Past responses of the trials of a tier, each neuron's response and true rate."""
    from sensorium_tf.data.past import PastResponses

    known = mouse.tiers != "test"
    scale = mouse.responses[known].std(0)
    past = PastResponses(
        mouse.responses[known] / scale,
        mouse.trial_ids[known].astype(str),
        means=mouse.responses[known].mean(0) / scale,
        mouse="simulated",
    )
    chosen = mouse.tiers == tier
    return past.before(mouse.trial_ids[chosen]), chosen


@pytest.mark.parametrize(
    ("hidden", "gains"),
    [(HiddenState(), False), (HiddenState(slow_gain=0.6, adaptation=0.5), True)],
)
def test_past_responses_tell_of_a_hidden_state(hidden, gains):
    """What a mean over 30 trials of all neurons says of the rates, beside the image alone."""
    sizes = {"n_neurons": 60, "n_images": 300, "n_repeats": 8, "seed": 2}
    mouse = simulate_mouse(**sizes, hidden=hidden)
    past, chosen = known_past(mouse, "test")
    population = past[:, :, 4].mean(1)
    rates, images = mouse.rates[chosen], mouse.image_ids[chosen]
    # By how much the rate exceeds its mean over the repeats of its image.
    excess = np.empty(len(rates))
    for image in np.unique(images):
        rows = images == image
        excess[rows] = (rates[rows] / rates[rows].mean(0)).mean(1) - 1
    correlation = np.corrcoef(population, excess)[0, 1]
    assert (correlation > 0.5) == gains
