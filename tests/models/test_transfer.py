"""Weights of a trained model as the start of another one."""

import numpy as np
import pytest
from small_models import small_model

from sensorium_tf import SensoriumError
from sensorium_tf.models import copy_weights


@pytest.fixture
def coordinates(rng):
    return {mouse: rng.normal(size=(4, 3)) for mouse in ("mouse1", "mouse2", "mouse3")}


def made(coordinates, mice, *, seed=1, **settings):
    places = {mouse: coordinates[mouse] for mouse in mice}
    settings = {"hidden_channels": 3, "n_blocks": 1, **settings}
    return small_model(places, seed=seed, **settings)


def same(ours, theirs):
    pairs = zip(ours.get_weights(), theirs.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("track", ["sensorium", "sensorium_plus"])
def test_the_core_and_the_readouts_of_known_mice_are_copied(coordinates, track):
    source = made(coordinates, ["mouse1", "mouse2"], track=track)
    target = made(coordinates, ["mouse3", "mouse2"], track=track, seed=2)
    fresh = made(coordinates, ["mouse3", "mouse2"], track=track, seed=2)
    assert copy_weights(source, target) == ("mouse2",)
    assert same(target.core, source.core)
    assert same(target.readouts["mouse2"], source.readouts["mouse2"])
    assert same(target.readouts["mouse3"], fresh.readouts["mouse3"])
    if track == "sensorium_plus":
        assert same(target.shifters["mouse2"], source.shifters["mouse2"])
        assert same(target.shifters["mouse3"], fresh.shifters["mouse3"])


@pytest.mark.parametrize(
    "change",
    [
        lambda places: places[:3],  # fewer neurons
        lambda places: places[::-1],  # neurons in other places
    ],
)
def test_a_mouse_with_other_neurons_keeps_its_new_readout(coordinates, change):
    source = made(coordinates, ["mouse1"])
    target = made({"mouse1": change(coordinates["mouse1"])}, ["mouse1"], seed=2)
    assert copy_weights(source, target) == ()
    assert same(target.core, source.core)


def test_a_readout_of_another_kind_is_new(coordinates):
    source = made(coordinates, ["mouse1"], covariance="isotropic")
    assert copy_weights(source, made(coordinates, ["mouse1"], seed=2)) == ()


def free(coordinates):
    return {"coordinates": coordinates, "positions": "free"}


def alone(coordinates):
    return {"coordinates": {"mouse1": coordinates["mouse1"][:1]}}


def nowhere(coordinates):
    return {"coordinates": {"mouse1": np.zeros((4, 3))}}


@pytest.mark.parametrize("neurons", [free, alone, nowhere])
def test_neurons_that_no_place_tells_apart_are_the_same_if_the_caller_says_so(coordinates, neurons):
    source, target = (made(mice=["mouse1"], seed=seed, **neurons(coordinates)) for seed in (1, 2))
    assert copy_weights(source, target, same_neurons=["mouse2"]) == ()
    assert same(target.core, source.core)
    assert not same(target.readouts["mouse1"], source.readouts["mouse1"])
    assert copy_weights(source, target, same_neurons=["mouse1"]) == ("mouse1",)
    assert same(target, source)


def test_other_neurons_that_count_as_the_same_are_still_of_another_number(coordinates):
    source, target = (made({"mouse1": np.eye(3)[:n]}, ["mouse1"]) for n in (2, 3))
    assert copy_weights(source, target, same_neurons=["mouse1"]) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"track": "sensorium_plus"}, r"images \(36, 64, 1\) there, \(36, 64, 4\) here"),
        ({"model": "ln"}, "activation elu there, linear here"),
        (
            {"hidden_channels": 5, "n_blocks": 2},
            "hidden_channels 3 there, 5 here; n_blocks 1 there, 2 here",
        ),
    ],
)
def test_another_core_is_refused_and_nothing_copied(coordinates, changes, said):
    target = made(coordinates, ["mouse1"], seed=2, **changes)
    before = target.get_weights()
    with pytest.raises(SensoriumError, match=f"has another core .*{said}"):
        copy_weights(made(coordinates, ["mouse1"]), target)
    for ours, theirs in zip(target.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_strength_of_the_penalty_and_seeds_may_differ(coordinates):
    target = made(coordinates, ["mouse1"], laplace_penalty=0.1, seed=2)
    assert copy_weights(made(coordinates, ["mouse1"]), target) == ("mouse1",)
    assert target.core.config.laplace_penalty == 0.1
