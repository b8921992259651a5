"""Specs of recordings, model inputs and tracks."""

import dataclasses
import json

import numpy as np
import pytest

from sensorium_tf.challenges import sensorium2022
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import Input, InputSpec, RecordingSpec, Track, input_size, size_step

CHALLENGE = sensorium2022.CHALLENGE
PLUS = CHALLENGE.inputs("sensorium_plus").with_constants(
    {
        "mouse2": {
            "image": {"mean": np.float64(110.5), "std": 60.25},
            "behavior": {"mean": np.array([1.0, 2, 3]), "std": np.array([2.0, 4, 0])},
            "pupil_center": {"mean": [50.0, 40], "std": [3.0, 2]},
        }
    }
)


def through_json(value):
    return json.loads(json.dumps(value.to_json()))


def test_a_spec_survives_json():
    inputs = InputSpec.from_json(through_json(PLUS))
    assert inputs == PLUS
    assert inputs.constants == PLUS.constants
    assert RecordingSpec.from_json(through_json(CHALLENGE.recording)) == CHALLENGE.recording
    for track in CHALLENGE.tracks.values():
        assert Track.from_json(through_json(track)) == track


@pytest.mark.parametrize(
    "change",
    [
        {"channels": []},
        {"channels": [{"signal": "image", "size": 1}]},
        {"channels": [{"signal": "image", "size": 1, "transform": "__import__"}]},
        {"channels": [{"signal": "image", "size": 1, "transform": ["none"]}]},
        {"channels": [{"signal": "image", "size": -1, "transform": "none"}]},
        {"channels": 3},
        {"image_size": [36]},
        {"image_size": [36, 64.5]},
        {"track": 3},
        {"constants": {"mouse2": {"image": {"mean": "much", "std": 1}}}},
        {"constants": {"mouse2": {"image": {"mean": float("nan"), "std": 1}}}},
        {"constants": [1]},
        {"surprise": 1},
    ],
)
def test_a_damaged_description_of_inputs_is_one_line(change):
    with pytest.raises(SensoriumError, match="not the description of a model's inputs"):
        InputSpec.from_json({**through_json(PLUS), **change})


@pytest.mark.parametrize("values", [None, 3, "image", [], {}])
def test_what_is_no_description_is_refused(values):
    for spec in (InputSpec, Track, RecordingSpec):
        with pytest.raises(SensoriumError):
            spec.from_json(values)


@pytest.mark.parametrize(
    ("key", "value"),
    [("shape", [144, -1, 1]), ("shape", ["a"]), ("role", "spectator"), ("folder", 3)],
)
def test_a_damaged_description_of_a_recording_is_refused(key, value):
    signals = through_json(CHALLENGE.recording)
    signals[0][key] = value
    with pytest.raises(SensoriumError, match="not the description"):
        RecordingSpec.from_json(signals)


def test_a_recording_has_one_stimulus_and_one_response():
    image, response, *_ = through_json(CHALLENGE.recording)
    for signals in ([image], [response], [image, image, response]):
        with pytest.raises(SensoriumError, match="one stimulus and one response"):
            RecordingSpec.from_json(signals)


def test_a_signal_that_is_not_there_is_named_beside_those_that_are():
    with pytest.raises(SensoriumError, match="'licks': the recording has only image, response"):
        CHALLENGE.recording["licks"]


def test_grey_values_come_back():
    grey = np.array([[[0.0], [255.0]]], np.float32)
    standardised = PLUS["image"].apply(grey, PLUS.constants_of("mouse2", "image"))
    np.testing.assert_allclose(standardised, (grey - 110.5) / 60.25, rtol=1e-6)
    np.testing.assert_allclose(PLUS.to_grey(standardised, "mouse2"), grey, atol=1e-4)


@pytest.mark.parametrize("transform", ["standardize", "scale", "none"])
def test_a_transform_has_an_inverse(transform):
    values = np.array([[1.0, 2.0], [3.0, -4.0]], np.float32)
    constants = {"mean": [1.0, 5.0], "std": [2.0, 0.0]}
    given = Input("behavior", 2, transform)
    np.testing.assert_allclose(
        given.invert(given.apply(values, constants), constants), values, rtol=1e-6
    )


def test_a_centred_image_goes_one_way(rng):
    grey = rng.uniform(0, 255, (2, 3, 4, 2)).astype(np.float32)
    inputs = CHALLENGE.inputs("sensorium", channels="image,centred_image")
    constants = {"mean": 110.5, "std": 60.25}
    assert inputs["image"].transform == "standardize"
    given = inputs["centred_image"].apply(grey, constants)
    standardised = inputs["image"].apply(grey, constants)
    expected = standardised - standardised.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(given, expected, atol=1e-6)
    with pytest.raises(SensoriumError, match="^a centred image has no way back to grey values"):
        inputs["centred_image"].invert(given, constants)


def test_a_centred_image_of_an_earlier_version_is_refused_in_one_line():
    values = through_json(CHALLENGE.inputs("sensorium", channels="image,centred_image"))
    assert InputSpec.from_json(values).channels[1].transform == "centre"
    values["channels"][1]["transform"] = "standardize"
    with pytest.raises(SensoriumError, match="^centred_image: .* train the model again$"):
        InputSpec.from_json(values)


def test_gradients_of_an_image_are_those_of_sobel(rng):
    ramp = np.add.outer(3.0 * np.arange(5), 2.0 * np.arange(7))[None, ..., None]
    inputs = CHALLENGE.inputs("sensorium", channels="image,sobel_image")
    assert inputs.image_shape == (36, 64, 3) and inputs.recorded_signals == ("image",)
    given = inputs["sobel_image"].apply(ramp.astype("float32"), {"mean": 1.0, "std": 2.0})
    np.testing.assert_allclose(given[0, 1:-1, 1:-1, 0], 1.0, rtol=1e-6)
    np.testing.assert_allclose(given[0, 1:-1, 1:-1, 1], 1.5, rtol=1e-6)
    with pytest.raises(SensoriumError, match="no way back to grey values: use the image"):
        inputs["sobel_image"].invert(given, {"mean": 1.0, "std": 2.0})
    assert InputSpec.from_json(through_json(inputs)) == inputs


def test_a_column_that_never_varies_is_divided_by_one():
    given = Input("behavior", 2, "scale").apply(np.ones((1, 2)), {"mean": [0, 0], "std": [2, 0]})
    assert given.tolist() == [[0.5, 1.0]]


def test_statistics_that_a_model_does_not_know_are_asked_for():
    with pytest.raises(SensoriumError, match="mouse9: the model does not know .* image statistics"):
        PLUS.to_grey(np.zeros(1), "mouse9")


def test_constants_do_not_make_inputs_differ():
    assert CHALLENGE.inputs("sensorium_plus") == PLUS
    assert hash(PLUS) == hash(CHALLENGE.inputs("sensorium_plus"))
    assert PLUS.without("pupil_center") != PLUS


def test_inputs_say_what_they_are():
    assert PLUS.describe() == "image, behavior, pupil center"
    assert PLUS.image_shape == (36, 64, 4)
    assert PLUS.step == 4
    assert PLUS.extra_shapes() == {"pupil_center": (2,)}
    assert PLUS.without("pupil_center").describe() == "image, behavior"
    with pytest.raises(SensoriumError, match="licks: the model is given only image"):
        PLUS["licks"]


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ((144, 256), (36, 64)),
        ((36, 64), (36, 64)),
        ((72, 128), (36, 64)),
        ((1080, 1920), (36, 64)),
        ((20, 20), (20, 20)),
        ((1, 9000), (1, 9000)),
    ],
)
def test_images_are_made_smaller_by_a_whole_number(recorded, expected):
    assert input_size(recorded, (36, 64)) == expected


def test_specs_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        PLUS.track = "sensorium"


@pytest.mark.parametrize("recorded", [(144, 256), (1439, 2560), (8, 3000), (37, 65), (100, 10)])
def test_the_step_is_found_again_from_both_sizes(recorded):
    height, width = given = input_size(recorded, (36, 64))
    step = size_step(recorded, given)
    assert (recorded[0] // step, recorded[1] // step) == (height, width)
