"""The neurons that an experiment is done on."""

import dataclasses

import keras
import numpy as np
import pytest
from known_model import COMPLEX, GABORS, MEAN, SIZE, STD, inputs, known_model
from small_models import small_model

from sensorium_tf import SensoriumError
from sensorium_tf.challenges.sensorium2022 import CHALLENGE
from sensorium_tf.data import load_mouse
from sensorium_tf.insilico import Neurons
from sensorium_tf.insilico.derived import DERIVED
from sensorium_tf.models import EnsembleModel, ModelSettings, build_model
from sensorium_tf.runs import Run, save_model
from sensorium_tf.specs import DERIVED_IMAGES


@pytest.fixture
def images(rng):
    return rng.normal(size=(3, *SIZE, 1)).astype("float32")


def expected_rates(images):
    even, odd = (images.reshape(len(images), -1) @ g.reshape(len(g), -1).T for g in GABORS)
    drive = np.where(COMPLEX, even**2 + odd**2, even)
    return np.where(drive > 0, drive, np.exp(np.minimum(drive, 0)) - 1) + 1


def test_rates_are_of_the_chosen_columns_in_their_order(model, images):
    neurons = Neurons(model, columns=[2, 0])
    expected = expected_rates(images)[:, [2, 0]]
    np.testing.assert_allclose(neurons.rates(images), expected, rtol=1e-4)
    np.testing.assert_allclose(neurons.own_rates(images[:2]), np.diag(expected), rtol=1e-4)
    found = neurons.own_rates(images, [1, 1, 0])
    np.testing.assert_allclose(found, expected[[0, 1, 2], [1, 1, 0]], rtol=1e-4)


def test_a_gradient_is_of_its_own_neuron(model, images):
    found = Neurons(model).gradients(images, [0, 1, 1])
    even = images.reshape(3, -1) @ GABORS[0].reshape(4, -1).T
    for gradient, neuron, drive in zip(found, (0, 1, 1), even[[0, 1, 2], [0, 1, 1]], strict=True):
        slope = 1 if drive > 0 else np.exp(drive)
        np.testing.assert_allclose(gradient[..., 0], slope * GABORS[0][neuron], atol=1e-5)


def test_more_images_than_a_batch_are_all_answered(model, rng):
    images = rng.normal(size=(130, *SIZE, 1)).astype("float32")
    np.testing.assert_allclose(Neurons(model).rates(images), expected_rates(images), rtol=1e-3)


def test_images_are_in_grey_values_and_back(model):
    neurons = Neurons(model)
    grey = np.array([0.0, MEAN, 255.0])
    np.testing.assert_allclose(neurons.from_grey(grey), (grey - MEAN) / STD, atol=1e-6)
    np.testing.assert_allclose(neurons.to_grey(neurons.from_grey(grey)), grey, atol=1e-4)
    assert neurons.limits == pytest.approx(((0 - MEAN) / STD, (255 - MEAN) / STD))


def test_given_images_may_have_the_models_or_the_recorded_size(model):
    neurons = Neurons(model)
    small = np.full((2, *SIZE), 160, np.uint8)
    for images in (small, small[..., None], np.full((2, 64, 96), 160.0)):
        np.testing.assert_allclose(neurons.given_images(images), 1.0, atol=1e-6)
        assert neurons.given_images(images).shape == (2, *SIZE, 1)


def test_images_that_are_recorded_at_the_models_size_have_one_shape_to_expect():
    neurons = Neurons(known_model(spec=dataclasses.replace(inputs(), recorded_size=SIZE)))
    with pytest.raises(SensoriumError, match=r"expected \(images, 16, 24, 1\)\. Received"):
        neurons.given_images(np.zeros((2, 5, 5)))


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((2, 5, 5)), r"expected \(images, 16, 24, 1\)"),
        (np.full((2, *SIZE), 300.0), "0 to 255. Received: 300"),
        (np.full((2, *SIZE), np.nan), "finite"),
        (None, "knows no recording"),
    ],
)
def test_images_that_cannot_be_shown_are_refused(model, images, says):
    with pytest.raises(SensoriumError, match=says):
        Neurons(model).given_images(images)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"columns": [4]}, "no column 4, only 0 to 3"),
        ({"columns": [-1]}, "no column -1"),
        ({"columns": [1, 1]}, "more than once"),
        ({"columns": []}, "one or more whole numbers"),
        ({"columns": [0.5]}, "one or more whole numbers"),
        ({"unit_ids": [3]}, "a model by itself knows no recording, nor its unit ids"),
        ({"unit_ids": [3], "columns": [0]}, "not both"),
        ({"mouse": "mouse9"}, "mouse9: the model has no such mouse, only known"),
        ({"state": {"behavior": [1]}}, "not given 'behavior', only image"),
    ],
)
def test_neurons_that_are_not_there_are_refused_in_one_line(model, arguments, says):
    with pytest.raises(SensoriumError, match=says) as refused:
        Neurons(model, **arguments)
    assert "\n" not in str(refused.value)


def test_other_things_than_models_are_refused():
    with pytest.raises(SensoriumError, match="expected a model, a run or its path"):
        Neurons(7)


def test_one_of_several_mice_is_named(images):
    model = known_model(mice=("a", "b"))
    with pytest.raises(SensoriumError, match="mouse=a or b"):
        Neurons(model)
    assert Neurons(model, mouse="b").rates(images).shape == (3, 4)


def test_the_rate_of_an_ensemble_is_its_members_mean(model, images):
    other = known_model(scale=0.5)
    both = Neurons(EnsembleModel([model, other])).rates(images)
    mean = (Neurons(model).rates(images) + Neurons(other).rates(images)) / 2
    np.testing.assert_allclose(both, mean, rtol=1e-5)


def test_behavior_is_held_and_gets_no_gradient(images):
    model = known_model(behavior=1)
    with pytest.raises(SensoriumError, match="at which behavior is the experiment done"):
        Neurons(model)
    with pytest.raises(SensoriumError, match="behavior needs 1 finite"):
        Neurons(model, state={"behavior": [1, 2]})
    still = Neurons(model, state={"behavior": [0.0]})
    np.testing.assert_allclose(still.rates(images), expected_rates(images), rtol=1e-4)
    moving = Neurons(model, state={"behavior": [0.7]})
    np.testing.assert_allclose(moving.rates(images), expected_rates(images + 0.7), rtol=1e-3)
    assert moving.gradients(images).shape == images.shape


def test_a_model_without_constants_answers_but_knows_no_grey(images):
    spec = inputs(mice=())
    neurons = Neurons(known_model(spec=spec))
    assert not neurons.knows_grey and Neurons(known_model()).knows_grey
    np.testing.assert_allclose(neurons.rates(images), expected_rates(images), rtol=1e-4)
    with pytest.raises(SensoriumError, match="does not know the recording's image statistics"):
        _ = neurons.limits


def test_a_file_with_its_recording_knows_unit_ids_and_medians(prepared, tmp_path):
    mouse = load_mouse("full", data_dir=prepared)
    model = small_model(
        {"full": mouse.cell_motor_coordinates}, track="sensorium_plus", hidden_channels=2
    )
    save_model(model, tmp_path / "a.keras")
    neurons = Neurons(Run(tmp_path / "a.keras", prepared), [9, 3])
    assert neurons.columns.tolist() == [2, 0]
    assert neurons.labels == ["unit 9", "unit 3"]
    signals = mouse.trials("train").signals
    for name in ("behavior", "pupil_center"):
        np.testing.assert_allclose(neurons.state[name], np.median(signals[name], axis=0))
    assert neurons.limits[1] == pytest.approx(
        (255 - mouse.statistics["image"]["mean"]) / mouse.statistics["image"]["std"], rel=1e-5
    )
    with pytest.raises(SensoriumError, match="full: the model has no neuron with unit id 4"):
        Neurons(Run(tmp_path / "a.keras", prepared), [4])
    alone = Run(tmp_path / "a.keras", tmp_path)
    with pytest.raises(SensoriumError):
        Neurons(alone, [9])
    state = {name: neurons.state[name] for name in neurons.state}
    assert Neurons(alone, columns=[1], state=state).unit_ids is None


def test_other_backends_are_told_what_is_needed(model, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(SensoriumError, match="KERAS_BACKEND=tensorflow"):
        Neurons(model)


@pytest.mark.parametrize("signal", ["centred_image", "sobel_image"])
def test_channels_made_of_the_image_are_those_that_a_model_is_trained_on(rng, signal):
    images = rng.normal(size=(2, 7, 9, 2)).astype("float32")
    given = DERIVED_IMAGES[signal].make(images)
    np.testing.assert_allclose(DERIVED[signal](images).numpy(), given, atol=1e-5)


def test_past_responses_are_held_at_the_means_and_gradients_reach_derived_channels(rng):
    spec = CHALLENGE.inputs(
        "sensorium_plus", channels="image,sobel_image", extras=["past_responses"]
    )
    spec = dataclasses.replace(spec, image_size=(12, 16), recorded_size=(48, 64))
    settings = ModelSettings(
        hidden_channels=2, n_blocks=0, input_kernel=5, modulator="history", shifter="none"
    )
    model = build_model(settings, {"a": rng.normal(size=(3, 3))}, spec, seed=1)
    neurons = Neurons(model)
    assert neurons.state["past_responses"].shape == (3, 5) and neurons.image_shape == (12, 16, 1)
    image = rng.normal(size=(3, 12, 16, 1)).astype("float32")
    step = np.zeros_like(image)
    step[:, 6, 8] = 1e-2
    up, down = neurons.own_rates(image + step), neurons.own_rates(image - step)
    slope = neurons.gradients(image)[:, 6, 8, 0]
    np.testing.assert_allclose(slope, (up - down) / 2e-2, rtol=0.05, atol=1e-4)
