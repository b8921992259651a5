"""A gain that follows what the neurons did before."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.models import HistoryModulator


def test_rates_are_multiplied_by_the_gain_of_the_formula(rng, to_numpy):
    modulator = HistoryModulator(4, hidden_units=3, weight_penalty=0.5, seed=1)
    modulator.build((None, 4), {"past_responses": (None, 4, 5)})
    for weight in modulator.weights:
        weight.assign(rng.normal(size=weight.shape))
    rates, past = rng.uniform(size=(6, 4)), rng.normal(size=(6, 4, 5))
    own, shared = to_numpy(modulator.own), to_numpy(modulator.shared)
    w, b = modulator.slow.get_weights()
    drive = (past * own).sum(-1) + np.tanh(past.mean(1) @ w + b) @ shared
    drive += to_numpy(modulator.offset)
    expected = rates * (np.where(drive > 0, drive, np.expm1(drive)) + 1)
    given = {"past_responses": past.astype("float32")}
    got = to_numpy(modulator(rates.astype("float32"), given))
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)
    paid = 0.5 * ((own**2).sum() + (shared**2).sum())
    assert to_numpy(modulator.penalty()) == pytest.approx(paid, rel=1e-5)


@pytest.mark.parametrize("hidden_units", [0, 4])
def test_a_new_modulator_leaves_rates_as_they_are(rng, to_numpy, hidden_units):
    rates = rng.uniform(size=(5, 4)).astype("float32")
    given = {"past_responses": rng.normal(size=(5, 4, 5)).astype("float32")}
    modulator = HistoryModulator(4, hidden_units=hidden_units)
    np.testing.assert_array_equal(to_numpy(modulator(rates, given)), rates)


def test_a_track_of_images_alone_refuses_it_in_one_line():
    from small_models import small_model

    with pytest.raises(SensoriumError, match="^modulator history: takes past_responses, but "):
        small_model({"a": np.zeros((3, 3))}, modulator="history")
