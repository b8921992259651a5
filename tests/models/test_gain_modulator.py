"""A gain that follows behavior."""

import numpy as np

from sensorium_tf.models import GainModulator


def test_rates_are_multiplied_by_the_gain_of_the_formula(rng, to_numpy):
    modulator = GainModulator(4, hidden_units=3, seed=1)
    modulator.build((None, 4), {"behavior": (None, 3)})
    for weight in modulator.weights:
        weight.assign(rng.normal(size=weight.shape))
    rates, behavior = rng.uniform(size=(5, 4)), rng.normal(size=(5, 3))
    (w1, b1), (w2, b2) = modulator.hidden.get_weights(), modulator.gain.get_weights()
    drive = np.tanh(behavior @ w1 + b1) @ w2 + b2
    expected = rates * (np.where(drive > 0, drive, np.expm1(drive)) + 1)
    got = modulator(rates.astype("float32"), {"behavior": behavior.astype("float32")})
    np.testing.assert_allclose(to_numpy(got), expected, rtol=1e-4)


def test_a_new_modulator_leaves_rates_as_they_are(rng, to_numpy):
    rates = rng.uniform(size=(5, 4)).astype("float32")
    behavior = rng.normal(size=(5, 3)).astype("float32")
    np.testing.assert_array_equal(to_numpy(GainModulator(4)(rates, {"behavior": behavior})), rates)
