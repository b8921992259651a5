"""The mean of several models."""

import keras
import numpy as np
import pytest
from small_models import small_model

from sensorium_tf import SensoriumError
from sensorium_tf.models import EnsembleModel


def member(seed, *, neurons=4, track="sensorium_plus"):
    rng = np.random.default_rng(9)
    coordinates = {mouse: rng.normal(size=(neurons, 3)) for mouse in ("mouse3", "mouse1")}
    model = small_model(coordinates, track=track, hidden_channels=3, n_blocks=1, seed=seed)
    for readout in model.readouts.values():
        readout.features.assign(np.random.default_rng(seed).normal(size=readout.features.shape))
    return model


@pytest.fixture
def inputs(rng):
    return {
        mouse: {
            "image": rng.normal(size=(3, 36, 64, 4)).astype("float32"),
            "pupil_center": rng.normal(size=(3, 2)).astype("float32"),
        }
        for mouse in ("mouse3", "mouse1")
    }


def test_rates_are_the_mean_of_the_members_rates(inputs, to_numpy):
    members = [member(seed) for seed in (1, 2, 3)]
    ensemble = EnsembleModel(members)
    assert ensemble.mice == ("mouse3", "mouse1")
    rates = ensemble(inputs)
    for mouse, signals in inputs.items():
        expected = np.mean([to_numpy(each(inputs)[mouse]) for each in members], axis=0)
        np.testing.assert_allclose(to_numpy(rates[mouse]), expected, rtol=1e-5)
        single = ensemble.for_mouse(mouse)
        np.testing.assert_allclose(single.predict(signals, verbose=0), expected, rtol=1e-5)


def test_it_is_saved_and_loaded_as_any_keras_model(inputs, tmp_path, to_numpy):
    ensemble = EnsembleModel([member(seed) for seed in (1, 2)], name="cnn")
    ensemble.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert len(loaded.members) == 2
    for mouse in inputs:
        np.testing.assert_array_equal(
            to_numpy(loaded(inputs)[mouse]), to_numpy(ensemble(inputs)[mouse])
        )


def test_an_ensemble_of_one_is_its_member(inputs):
    only = member(1)
    single = EnsembleModel([only]).for_mouse("mouse1")
    np.testing.assert_allclose(
        single.predict(inputs["mouse1"], verbose=0),
        only.for_mouse("mouse1").predict(inputs["mouse1"], verbose=0),
        rtol=1e-6,
    )


@pytest.mark.parametrize(
    ("members", "says"),
    [
        (lambda: [], "at least one member"),
        (lambda: [member(1), member(2, neurons=5)], "same mice and neurons"),
        (lambda: [member(1), member(2, track="sensorium")], "same inputs"),
    ],
)
def test_members_that_do_not_fit_are_refused(members, says):
    with pytest.raises(SensoriumError, match=says):
        EnsembleModel(members())


def test_it_is_given_what_its_members_are_given_and_pays_what_they_pay(inputs, to_numpy):
    members = [member(seed) for seed in (1, 2)]
    ensemble = EnsembleModel(members)
    assert ensemble.inputs == members[0].inputs
    ensemble(inputs)
    paid = sum(to_numpy(value) for each in members for value in each.penalties().values())
    assert sum(to_numpy(loss) for loss in ensemble.losses) == pytest.approx(paid, rel=1e-6)
    one = sum(to_numpy(v) for each in members for v in each.penalties(["mouse1"]).values())
    alone = ensemble.for_mouse("mouse1")
    assert sum(to_numpy(loss) for loss in alone.losses) == pytest.approx(one, rel=1e-6)
