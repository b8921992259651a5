"""A layer made from its own configuration is the same layer."""

import inspect
import json

import keras
import pytest

from sensorium_tf import models


def small_model():
    readouts = {mouse: models.GaussianReadout(3) for mouse in ("b", "a")}
    shifters = {mouse: models.Shifter() for mouse in ("b", "a")}
    core = models.Core(4, input_kernel=3, hidden_kernel=3, n_blocks=1)
    return models.FiringRateModel(
        core, readouts, shifters, image_shape=(8, 9, 2), joint_core=True, name="small"
    )


# Every constructor argument at another value than its default.
MADE = {
    "Core": lambda: models.Core(
        8,
        input_kernel=5,
        hidden_kernel=3,
        n_blocks=1,
        activation="linear",
        laplace_penalty=0.5,
        seed=3,
    ),
    "GaussianReadout": lambda: models.GaussianReadout(
        11,
        covariance="isotropic",
        positions="free",
        hidden_units=7,
        sigma_init=0.2,
        feature_penalty=0.1,
        seed=4,
    ),
    "Shifter": lambda: models.Shifter(6, 2, seed=5),
    "PoissonLoss": lambda: models.PoissonLoss(45, name="mouse1", dtype="float64"),
    "BatchNorm": lambda: models.BatchNorm(momentum=0.2, epsilon=0.1),
    "FiringRateModel": small_model,
}


@pytest.mark.parametrize("name", MADE)
def test_every_constructor_argument_survives_the_configuration(name):
    made = MADE[name]()
    config = json.loads(json.dumps(made.get_config()))
    arguments = {
        parameter.name
        for parameter in inspect.signature(type(made).__init__).parameters.values()
        if parameter.name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    }
    assert arguments - {"dtype"} <= set(config)
    again = type(made).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    for argument in arguments:
        if isinstance(getattr(made, argument, None), int | float | str | tuple):
            assert getattr(again, argument) == getattr(made, argument)


@pytest.mark.parametrize("name", MADE)
def test_keras_finds_the_class_without_custom_objects(name):
    made = MADE[name]()
    assert keras.saving.get_registered_name(type(made)) == f"sensorium_tf>{name}"
    serialized = json.loads(json.dumps(keras.saving.serialize_keras_object(made)))
    assert type(keras.saving.deserialize_keras_object(serialized)) is type(made)


@pytest.mark.parametrize("name", ["Core", "GaussianReadout", "Shifter", "PoissonLoss"])
def test_the_configurations_above_leave_no_argument_at_its_default(name):
    config = MADE[name]().get_config()
    for parameter in inspect.signature(getattr(models, name).__init__).parameters.values():
        if parameter.default is not parameter.empty and parameter.name in config:
            assert config[parameter.name] != parameter.default, parameter.name


def test_the_public_names_are_there():
    assert sorted(models.__all__) == list(models.__all__)
    assert all(hasattr(models, name) for name in models.__all__)
