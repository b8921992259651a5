"""The model of a run."""

import sys
import types

import numpy as np
import pytest
from small_models import OneLayerCore, inputs

from sensorium_tf import SensoriumError
from sensorium_tf.data import load_mouse
from sensorium_tf.models import FiringRateModel, GaussianReadout, ModelSettings
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import compiled_model


@pytest.mark.parametrize(
    ("own", "recipe", "asked", "joint"),
    [
        (False, "fast", False, False),
        (False, "fast", True, True),
        (True, "fast", False, True),
        (True, "published", False, True),
    ],
)
def test_a_model_of_ones_own_may_choose_a_joint_core(
    prepared, monkeypatch, own, recipe, asked, joint
):
    def build(coordinates, *, inputs, seed):
        readouts = {mouse: GaussianReadout(len(places)) for mouse, places in coordinates.items()}
        return FiringRateModel(OneLayerCore(), readouts, inputs=inputs, joint_core=own)

    monkeypatch.setitem(sys.modules, "custom_model", types.SimpleNamespace(build=build))
    settings = TrainingSettings(
        architecture=ModelSettings(model="custom_model:build"), recipe=recipe, joint_core=asked
    )
    mouse = load_mouse("full", data_dir=prepared)
    model = compiled_model(settings, [mouse], mouse.inputs("sensorium"))
    assert model.joint_core is joint


def test_a_readout_of_ones_own_that_fails_at_its_means_is_named():
    class Failing(GaussianReadout):
        def set_mean_drives(self, means):
            return 1 / 0

    readouts = {"lab1": Failing(3, name="readout_lab1")}
    model = FiringRateModel(OneLayerCore(), readouts, inputs=inputs())
    with pytest.raises(SensoriumError, match="readout_lab1: .* mean responses raised ZeroDiv"):
        model.set_mean_rates("lab1", np.ones(3))
