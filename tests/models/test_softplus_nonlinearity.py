"""A softplus in the place of elu + 1."""

import numpy as np
import pytest
from small_models import small_model

from sensorium_tf.models import SoftplusNonlinearity, firing_rate

COORDINATES = {"a": np.random.default_rng(0).normal(size=(3, 3))}


def test_rates_are_those_of_the_formula(rng, to_numpy):
    part = SoftplusNonlinearity(3, slope=2.0)
    part.build((None, 3))
    np.testing.assert_allclose(to_numpy(part.log_slope), np.log(2), rtol=1e-6)
    part.log_slope.assign(np.log([0.5, 1.0, 4.0]))
    drives = rng.normal(size=(5, 3)).astype("float32")
    expected = np.log1p(np.exp(drives * [0.5, 1.0, 4.0])) / [0.5, 1.0, 4.0]
    np.testing.assert_allclose(to_numpy(part(drives)), expected, rtol=1e-4)
    assert np.isfinite(to_numpy(part(1e4 * drives))).all()


@pytest.mark.parametrize("nonlinearity", [None, "softplus", "softplus(slope=3)"])
def test_rates_start_at_the_means_whatever_makes_them(nonlinearity, to_numpy):
    model = small_model(COORDINATES, nonlinearity=nonlinearity, seed=1)
    readout = model.readouts["a"]
    readout.features.assign(0.0 * readout.features)
    model.set_mean_rates("a", np.array([0.0, 0.4, 2.5]))
    rates = to_numpy(model({"a": {"image": np.ones((1, 36, 64, 1), "float32")}})["a"])
    np.testing.assert_allclose(rates[0], [0.05, 0.4, 2.5], rtol=1e-4)


def test_the_model_of_one_mouse_has_it_too(rng, to_numpy):
    images = rng.normal(size=(2, 36, 64, 1)).astype("float32")
    model = small_model(COORDINATES, nonlinearity="softplus", seed=1)
    rates = to_numpy(model({"a": {"image": images}})["a"])
    drives = to_numpy(model.readouts["a"](model.core(images)))
    np.testing.assert_allclose(rates, np.log1p(np.exp(drives)), rtol=1e-4)
    np.testing.assert_allclose(to_numpy(model.for_mouse("a")({"image": images})), rates, rtol=1e-5)
    plain = small_model(COORDINATES, seed=1)
    got = to_numpy(plain({"a": {"image": images}})["a"])
    np.testing.assert_array_equal(got, to_numpy(firing_rate(drives)))
