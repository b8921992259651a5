"""What is made of its own configuration is the same."""

import inspect
import json

import keras
import pytest
from small_models import MeanReadout, OneLayerCore, inputs

from sensorium_tf import SensoriumError, models
from sensorium_tf.specs import InputSpec


def whole_model():
    mice = ("b", "a")
    spec = inputs("sensorium_plus").with_extra("behavior")
    constants = {"image": {"mean": 1.5, "std": 2}, "behavior": {"mean": [0.0], "std": [1.0]}}
    return models.FiringRateModel(
        models.SensoriumCore(hidden_channels=4, input_kernel=3, hidden_kernel=3, n_blocks=1),
        {mouse: models.GaussianReadout(3) for mouse in mice},
        {mouse: models.MLPShifter() for mouse in mice},
        {mouse: models.GainModulator(3) for mouse in mice},
        {mouse: models.SoftplusNonlinearity(3) for mouse in mice},
        inputs=spec.with_constants(dict.fromkeys(mice, constants)),
        joint_core=True,
        name="small",
    )


# Of every readout that draws its positions.
GAUSSIAN = {
    "covariance": "isotropic",
    "hidden_units": 7,
    "sigma_init": 0.2,
    "feature_penalty": 0.1,
    "scatter_penalty": 0.2,
    "seed": 4,
}
# Every constructor argument at another value than its default.
MADE = {
    "SensoriumCore": lambda: models.SensoriumCore(
        hidden_channels=8,
        input_kernel=5,
        hidden_kernel=3,
        n_blocks=1,
        activation="linear",
        laplace_penalty=0.5,
        depth_separable=False,
        squeeze_excite=2,
        dropout=0.1,
        seed=3,
    ),
    "GaussianReadout": lambda: models.GaussianReadout(
        11,
        positions="free",
        **GAUSSIAN,
    ),
    "OrientedReadout": lambda: models.OrientedReadout(
        11,
        terms=2,
        n_orientations=4,
        positions="scattered",
        **GAUSSIAN,
    ),
    "ReceptiveFieldReadout": lambda: models.ReceptiveFieldReadout(
        11, wavelengths=[5, 9], feature_penalty=0.2, n_contrasts=3, seed=4
    ),
    "MultiLevelGaussianReadout": lambda: models.MultiLevelGaussianReadout(
        11,
        levels=2,
        positions="free",
        **GAUSSIAN,
    ),
    "FactorisedReadout": lambda: models.FactorisedReadout(
        11, mask_penalty=0.2, feature_penalty=0.1, seed=4
    ),
    "AttentionReadout": lambda: models.AttentionReadout(
        11,
        width=0.2,
        keys=3,
        positions="free",
        hidden_units=7,
        feature_penalty=0.1,
        scatter_penalty=0.2,
        seed=4,
    ),
    "MLPShifter": lambda: models.MLPShifter(hidden_units=6, n_layers=2, seed=5),
    "GainModulator": lambda: models.GainModulator(4, hidden_units=5, seed=6),
    "HistoryModulator": lambda: models.HistoryModulator(
        4, hidden_units=5, weight_penalty=0.5, seed=6
    ),
    "SoftplusNonlinearity": lambda: models.SoftplusNonlinearity(4, slope=2.0, seed=6),
    "PoissonLoss": lambda: models.PoissonLoss(
        45, correlation_weight=0.5, name="mouse1", dtype="float64"
    ),
    "BatchNorm": lambda: models.BatchNorm(momentum=0.2, epsilon=0.1),
    "FiringRateModel": whole_model,
}
PARTS = tuple(name for name in MADE if name not in ("PoissonLoss", "BatchNorm", "FiringRateModel"))


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


@pytest.mark.parametrize("name", PARTS)
def test_the_configurations_above_leave_no_option_at_its_default(name):
    config = MADE[name]().config.to_json()
    assert config.keys() <= MADE[name]().get_config().keys()
    for option, default in type(MADE[name]().config)().to_json().items():
        assert config[option] != default, option


def test_the_public_names_are_there():
    assert sorted(models.__all__) == list(models.__all__)
    assert all(hasattr(models, name) for name in models.__all__)


def test_what_a_model_is_given_is_saved_with_it(tmp_path):
    model = whole_model()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.inputs == model.inputs and again.image_shape == (36, 64, 4)
    assert again.inputs.constants == model.inputs.constants
    assert again.inputs.constants_of("a", "image") == {"mean": 1.5, "std": 2}


@pytest.mark.parametrize("damage", [None, {}, [1], {"track": "sensorium"}])
def test_a_model_that_does_not_say_what_it_is_given_is_refused_in_one_line(damage):
    config = {**whole_model().get_config(), "inputs": damage}
    with pytest.raises(SensoriumError, match="^not the description of a model's inputs$"):
        models.FiringRateModel.from_config(config)


def test_extras_that_no_part_takes_are_left_out_of_the_inputs():
    readouts = {"a": MeanReadout(3)}
    model = models.FiringRateModel(OneLayerCore(), readouts, inputs=inputs("sensorium_plus"))
    assert model.inputs == inputs("sensorium_plus").without("pupil_center")
    assert [given.name for given in model.for_mouse("a").inputs] == ["image"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"inputs": "sensorium"}, "inputs: expected an InputSpec. Received: 'sensorium'"),
        ({"core": keras.layers.Conv2D(2, 9)}, "core: expected a CoreBase. Received: Conv2D"),
        ({"readouts": {"a": OneLayerCore()}}, "readout of a: expected a ReadoutBase. Received: On"),
        (
            {"shifters": {"a": models.MLPShifter()}},
            "the model's parts take pupil_center, but its",
        ),
        ({"modulators": {"a": models.GainModulator(3)}}, "the model's parts take behavior, but"),
        ({"modulators": {"b": models.GainModulator(3)}}, "modulators must be there for every mou"),
    ],
)
def test_parts_that_make_no_model_are_refused(change, says):
    given = {"core": OneLayerCore(), "readouts": {"a": models.GaussianReadout(3)}}
    given = {**given, "inputs": inputs(), **change}
    with pytest.raises(SensoriumError, match=says):
        models.FiringRateModel(**given)


def test_a_spec_survives_json():
    spec = inputs("sensorium_plus")
    assert InputSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_model_shows_its_summary(capsys):
    model = whole_model()
    model.summary()
    assert "SensoriumCore" in capsys.readouterr().out
