"""Behavior in other units than its standard deviation."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.data import load_mouse
from sensorium_tf.settings import TrainingSettings


@pytest.mark.parametrize("scale", ["std", "range", "maximum"])
def test_behavior_is_given_as_the_setting_says(prepared, scale):
    mouse = load_mouse("full", data_dir=prepared)
    settings = TrainingSettings(track="sensorium_plus", behavior_scale=scale)
    inputs = mouse.inputs("sensorium_plus", transforms=settings.transforms)
    mouse.check_inputs(inputs)
    std = mouse.statistics["behavior"]["std"]
    raw = {tier: mouse.trials(tier).signals["behavior"] * std for tier in ("train", "test")}
    low, high = raw["train"].min(0), raw["train"].max(0)
    expected = {
        "std": raw["test"] / std,
        "range": (raw["test"] - low) / (high - low),
        "maximum": raw["test"] / np.abs(raw["train"]).max(0),
    }
    given = mouse.trials("test").inputs(inputs)["image"][:, 0, 0, 1:]
    np.testing.assert_allclose(given, expected[scale], rtol=1e-3, atol=1e-4)
    back = inputs["behavior"].invert(given, inputs.constants_of("full", "behavior"))
    np.testing.assert_allclose(back, raw["test"], rtol=1e-3)


def test_a_model_knows_its_scale_and_refuses_another(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    inputs = mouse.inputs("sensorium_plus", transforms={"behavior": "range"})
    assert type(inputs).from_json(inputs.to_json()) == inputs
    assert inputs != mouse.inputs("sensorium_plus")


def test_a_scale_of_what_is_not_given_is_refused_in_one_line():
    with pytest.raises(SensoriumError, match="^behavior_scale: goes with a model that is given be"):
        TrainingSettings(behavior_scale="range")
    with pytest.raises(SensoriumError, match="^past_tiers: goes with a model .* past responses, "):
        TrainingSettings(track="sensorium_plus", past_tiers=("train",))
