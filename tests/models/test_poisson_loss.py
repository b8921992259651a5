"""The Poisson loss of a mouse and batch."""

import keras
import numpy as np
import pytest

from sensorium_tf import errors
from sensorium_tf.models import PoissonLoss


def formula(responses, rates, n_train_trials):
    scale = np.sqrt(n_train_trials / len(rates))
    return scale * (rates - responses * np.log(rates + 1e-12)).sum()


def test_the_loss_equals_one_worked_out_by_hand(to_numpy):
    # Two trials of 50 in training: the scale is 5. 1 - 2 log 1 + e - 1 log e + 3 - 0 = 3 + e.
    responses = np.array([[2.0, 1.0], [0.0, 0.0]], "float32")
    rates = np.array([[1.0, np.e], [3.0, 0.0]], "float32")
    assert to_numpy(PoissonLoss(50)(responses, rates)) == pytest.approx(5 * (3 + np.e), rel=1e-6)


def test_a_rate_of_zero_stays_finite(to_numpy):
    loss = to_numpy(PoissonLoss(1)(np.ones((1, 1), "float32"), np.zeros((1, 1), "float32")))
    assert loss == pytest.approx(-np.log(1e-12), rel=1e-5)


def test_a_short_last_batch_is_scaled_by_its_own_size(rng, to_numpy):
    loss = PoissonLoss(4500)
    for batch_size in (128, 20):
        responses = rng.gamma(1.0, size=(batch_size, 6)).astype("float32")
        rates = rng.uniform(0.1, 3, size=(batch_size, 6)).astype("float32")
        assert to_numpy(loss(responses, rates)) == pytest.approx(
            formula(responses, rates, 4500), rel=1e-5
        )


def test_fit_minimises_the_formula_and_nothing_else(rng):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="exponential")])
    learning_rate = 1e-3
    model.compile(keras.optimizers.SGD(learning_rate), PoissonLoss(60))
    inputs = rng.normal(size=(15, 3)).astype("float32")
    responses = rng.gamma(1.0, size=(15, 4)).astype("float32")
    kernel, bias = model.get_weights()
    rates = np.exp(inputs @ kernel + bias)
    history = model.fit(inputs, responses, batch_size=15, verbose=0)
    assert history.history["loss"][0] == pytest.approx(formula(responses, rates, 60), rel=1e-5)
    # The loss's slope by the log rate is scale * (rate - response); scale = sqrt(60 / 15).
    slope = 2 * inputs.T @ (rates - responses)
    np.testing.assert_allclose(
        model.get_weights()[0], kernel - learning_rate * slope, rtol=1e-4, atol=1e-6
    )


def test_a_training_set_without_trials_is_refused():
    with pytest.raises(errors.SensoriumError, match="more than 0. Received: 0"):
        PoissonLoss(0)


def correlations(responses, rates):
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(responses.T, rates.T, strict=True)])


def test_the_correlation_term_is_that_of_the_formula(rng, to_numpy):
    responses = rng.gamma(1.0, size=(20, 6)).astype("float32")
    rates = rng.uniform(0.1, 3, size=(20, 6)).astype("float32")
    added = 0.3 * (1 - correlations(responses, rates)).sum() * np.sqrt(4500 / 20) * 20
    got = to_numpy(PoissonLoss(4500, correlation_weight=0.3)(responses, rates))
    assert got == pytest.approx(formula(responses, rates, 4500) + added, rel=1e-4)


def test_without_weight_the_loss_is_the_same_to_the_last_bit(rng, to_numpy):
    responses = rng.gamma(1.0, size=(20, 6)).astype("float32")
    rates = rng.uniform(0.1, 3, size=(20, 6)).astype("float32")
    plain, zero = PoissonLoss(45), PoissonLoss(45, correlation_weight=0.0)
    assert to_numpy(plain(responses, rates)) == to_numpy(zero(responses, rates))


@pytest.mark.parametrize("n_trials", [1, 2, 20])
def test_a_batch_without_correlation_pulls_at_nothing(rng, gradients, n_trials):
    """One trial, two trials, or rates that are all alike: gradients are finite, and of one none."""
    responses = rng.gamma(1.0, size=(n_trials, 3)).astype("float32")
    rates = rng.uniform(0.1, 3, size=(n_trials, 3)).astype("float32")
    if n_trials == 20:
        rates[:] = rates[:1]

    def added(of):
        plain, with_term = (PoissonLoss(45, correlation_weight=w) for w in (0.0, 1.0))
        return with_term(responses, of) - plain(responses, of)

    (slope,) = gradients(added, rates)
    assert np.isfinite(slope).all()
    if n_trials < 20:
        np.testing.assert_allclose(slope, 0, atol=1e-2)


def test_a_negative_weight_is_refused():
    with pytest.raises(errors.SensoriumError, match="correlation_weight must be 0 or more"):
        PoissonLoss(5, correlation_weight=-0.1)
