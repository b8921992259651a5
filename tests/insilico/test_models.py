"""Experiments on models of all kinds: of several mice, both tracks, ensembles, imported ones."""

import numpy as np
import pytest
from known_model import SIZE, known_model
from small_models import small_model

from sensorium_tf import SensoriumError
from sensorium_tf.insilico import Neurons, attribution, most_exciting_image, orientation_tuning
from sensorium_tf.models import EnsembleModel
from sensorium_tf.specs import Input, InputSpec

STATE = {"behavior": [0.3, -0.2, 0.1], "pupil_center": [0.2, -0.4]}
N_NEURONS = {"a": 3, "b": 4}


def cnn(track, seed=0, **settings):
    random = np.random.default_rng(seed)
    coordinates = {mouse: random.normal(size=(n, 3)) for mouse, n in N_NEURONS.items()}
    model = small_model(coordinates, track=track, seed=seed, **settings)
    for readout in model.readouts.values():
        readout.features.assign(random.normal(size=readout.features.shape))
    return model


def ensemble(track):
    return EnsembleModel([cnn(track, seed) for seed in (0, 1)])


@pytest.mark.parametrize(
    ("make", "track"),
    [
        (cnn, "sensorium"),
        (cnn, "sensorium_plus"),
        (lambda track: cnn(track, modulator="gain"), "sensorium_plus"),
        (lambda track: cnn(track, model="ln"), "sensorium"),
        (ensemble, "sensorium"),
        (ensemble, "sensorium_plus"),
    ],
    ids=["cnn", "cnn plus", "gain", "ln", "ensemble", "ensemble plus"],
)
def test_the_rate_of_one_neuron_is_that_of_the_whole_model(make, track, rng):
    state = STATE if track == "sensorium_plus" else None
    model = make(track)
    neurons = Neurons(model, columns=[3, 0, 2], mouse="b", state=state)
    assert neurons._windows is not None  # what a CNN has to be fast by
    images = rng.normal(size=(3, *neurons.image_shape)).astype("float32")
    whole = neurons.rates(images)
    assert np.ptp(whole) > 0.01
    np.testing.assert_allclose(neurons.own_rates(images), np.diag(whole), rtol=1e-4, atol=1e-5)
    given = {"image": neurons._model_inputs(images)["image"]}
    given |= {name: np.tile(values, (3, 1)) for name, values in neurons.state.items()}
    expected = model({"b": given})["b"].numpy()[:, [3, 0, 2]]
    np.testing.assert_allclose(whole, expected, rtol=1e-4, atol=1e-5)


def test_an_ensembles_image_raises_the_mean_of_its_members_rates():
    both = ensemble("sensorium")
    found = most_exciting_image(both, columns=[1, 2], mouse="a", steps=30, n_starts=1)
    start = most_exciting_image(both, columns=[1, 2], mouse="a", steps=1, n_starts=1)
    members = [Neurons(each, columns=[1, 2], mouse="a") for each in both.members]
    mean = np.mean([each.own_rates(found.images) for each in members], axis=0)
    np.testing.assert_allclose(found.rates, mean, rtol=1e-4)
    assert (found.rates > start.rates).all()


def test_behavior_is_held_in_an_experiment_and_said():
    neurons = Neurons(cnn("sensorium_plus"), columns=[0], mouse="a", state=STATE)
    found = orientation_tuning(neurons, n_permutations=1, wavelengths=[8.0])
    for name, values in STATE.items():
        np.testing.assert_allclose(found.settings["held"][name], values, rtol=1e-6)
    assert found.settings["amplitude"] == 1.8  # the model knows no grey values


def test_an_imported_network_goes_by_columns_alone(tmp_path):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    from sensorium_tf.interop.pytorch import load_published, save_published

    save_published(cnn("sensorium"), tmp_path / "a.pth", keys={"a": "1-2-3", "b": "1-2-4"})
    model = load_published(tmp_path / "a.pth", names={"1-2-3": "a", "1-2-4": "b"})
    found = most_exciting_image(model, columns=[1], mouse="a", steps=2, n_starts=1)
    assert found.grey is None and found.labels == ["column 1"]
    with pytest.raises(SensoriumError, match="knows no recording, nor its unit ids: give columns"):
        most_exciting_image(model, [7], mouse="a")
    found = attribution(model, np.ones((1, 36, 64)), columns=[1], mouse="a", steps=20)
    np.testing.assert_allclose(found.pixels.sum(), found.differences[0, 0], rtol=0.01)
    with pytest.raises(SensoriumError, match="the model's units, -10 to 10.* Received: 0 to 255"):
        attribution(model, np.eye(36, 64)[None] * 255, columns=[1], mouse="a")


def test_a_model_of_centred_images_alone_has_no_way_back_to_grey():
    spec = InputSpec(
        challenge="sensorium2022",
        track="sensorium",
        image_size=SIZE,
        recorded_size=(64, 96),
        channels=(Input("centred_image", 1, "centre"),),
    ).with_constants({"known": {"image": {"mean": 110.0, "std": 50.0}}})
    neurons = Neurons(known_model(spec=spec))
    assert not neurons.knows_grey
    with pytest.raises(SensoriumError, match="image: the model is given only centred image"):
        neurons.to_grey(np.zeros((1, *SIZE, 1)))
