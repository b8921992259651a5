"""Models that a user builds are found by name."""

import sys

import keras
import numpy as np
import pytest
from keras import ops

from sensorium_tf import SensoriumError
from sensorium_tf.models import (
    BaselineSettings,
    FiringRateModel,
    GaussianReadout,
    baseline,
    check_model_name,
    import_modules,
    model_builder,
)

MODULE = """
import keras
import numpy as np
from sensorium_tf.models import Core, FiringRateModel, GaussianReadout
from sensorium_tf.tracks import image_shape

def build(coordinates, *, track, settings, seed):
    core = keras.layers.Conv2D(settings.hidden_channels, 9, name="core")
    readouts = {
        mouse: GaussianReadout(len(places), seed=seed, name=f"readout_{mouse}")
        for mouse, places in coordinates.items()
    }
    model = FiringRateModel(core, readouts, image_shape=image_shape(track))
    for mouse, places in coordinates.items():
        readouts[mouse].set_coordinates(places)
    return model

def one_mouse(coordinates, **rest):
    return build(dict(list(coordinates.items())[:1]), **rest)

def of_plus(coordinates, *, track, **rest):
    return build(coordinates, track="sensorium_plus", **rest)

def nothing(coordinates, **rest):
    return None

def raises(coordinates, **rest):
    return 1 / 0

def with_core(core, coordinates, **rest):
    model = build(coordinates, **rest)
    return FiringRateModel(core, model.readouts, image_shape=model.image_shape)

@keras.saving.register_keras_serializable(package="own")
class Adding(keras.layers.Conv2D):
    def call(self, image):
        self.add_loss(keras.ops.sum(self.kernel))
        return super().call(image)

@keras.saving.register_keras_serializable(package="own")
class AddingItsPenalty(Adding):
    def penalty(self):
        return keras.ops.sum(self.kernel)

@keras.saving.register_keras_serializable(package="own")
class Rough(keras.layers.Conv2D):
    def penalty(self):
        return self.kernel

@keras.saving.register_keras_serializable(package="own")
class PaidOfItself(keras.layers.Conv2D):
    def penalty(self):
        return keras.ops.sum(self.kernel ** 2)

@keras.saving.register_keras_serializable(package="own")
class FreeOfCharge(keras.layers.Conv2D):
    def penalty(self):
        return 0.0

@keras.saving.register_keras_serializable(package="own")
class AddingInTraining(keras.layers.Conv2D):
    def call(self, image, training=None):
        if training:
            self.add_loss(keras.ops.sum(self.kernel))
        return super().call(image)

@keras.saving.register_keras_serializable(package="own")
class Failing(keras.layers.Conv2D):
    def call(self, image):
        return 1 / 0

@keras.saving.register_keras_serializable(package="own")
class Short(keras.layers.Layer):
    n_neurons = 3
    def build(self, input_shape):
        self.built = True
    def call(self, features, shift=None, training=None):
        return keras.ops.mean(features, axis=(1, 2))[:, :2]

@keras.saving.register_keras_serializable(package="own")
class Unnumbered(keras.layers.Dense):
    pass

def adding(coordinates, **rest):
    return with_core(Adding(5, 9), coordinates, **rest)

def adding_its_penalty(coordinates, **rest):
    return with_core(AddingItsPenalty(5, 9), coordinates, **rest)

def regularized(coordinates, **rest):
    core = keras.layers.Conv2D(5, 9, kernel_regularizer="l2", bias_regularizer="l2")
    return with_core(core, coordinates, **rest)

def active(coordinates, **rest):
    return with_core(keras.layers.Conv2D(5, 9, activity_regularizer="l2"), coordinates, **rest)

def active_beside_a_penalty(coordinates, **rest):
    core = PaidOfItself(5, 9, activity_regularizer="l2")
    return with_core(core, coordinates, **rest)

def regularized_beside_a_penalty(coordinates, **rest):
    core = PaidOfItself(5, 9, kernel_regularizer="l2", bias_regularizer="l2")
    return with_core(core, coordinates, **rest)

def free_of_charge(coordinates, **rest):
    return with_core(FreeOfCharge(5, 9), coordinates, **rest)

def adding_in_training(coordinates, **rest):
    return with_core(AddingInTraining(5, 9), coordinates, **rest)

def shifted(coordinates, activity_regularizer=None, **rest):
    model = build(coordinates, **rest)
    shifters = {
        mouse: keras.layers.Dense(
            2, kernel_regularizer="l2", activity_regularizer=activity_regularizer
        )
        for mouse in coordinates
    }
    return FiringRateModel(model.core, model.readouts, shifters, image_shape=model.image_shape)

def shifted_far(coordinates, **rest):
    return shifted(coordinates, activity_regularizer="l2", **rest)

def unnumbered(coordinates, **rest):
    model = build(coordinates, **rest)
    return FiringRateModel(model.core, {**model.readouts, "b": Unnumbered(3)})

def with_the_packages_core(coordinates, settings, **rest):
    return with_core(Core(5), coordinates, settings=settings, **rest)

def rough(coordinates, **rest):
    return with_core(Rough(5, 9), coordinates, **rest)

def failing(coordinates, **rest):
    return with_core(Failing(5, 9), coordinates, **rest)

def short(coordinates, **rest):
    model = build(coordinates, **rest)
    readouts = {**model.readouts, "b": Short()}
    return FiringRateModel(model.core, readouts, image_shape=model.image_shape)

class Unregistered(keras.layers.Conv2D):
    pass

@keras.saving.register_keras_serializable(package="own")
class WithoutConfig(keras.layers.Conv2D):
    def __init__(self, channels, **kwargs):
        super().__init__(channels, 9, **kwargs)
    def get_config(self):
        config = super().get_config()
        config.pop("filters")
        return config

@keras.saving.register_keras_serializable(package="own")
class OfNumPy(keras.layers.Conv2D):
    def call(self, image):
        return keras.ops.convert_to_tensor(np.asarray(super().call(image)) * 2)

@keras.saving.register_keras_serializable(package="own")
class FailingInTraining(keras.layers.Conv2D):
    def call(self, image, training=None):
        return 1 / 0 if training else super().call(image)

@keras.saving.register_keras_serializable(package="own")
class OfTwoImages(keras.layers.Conv2D):
    def call(self, image):
        return keras.ops.reshape(super().call(image), (2, 28, 56, 5))

@keras.saving.register_keras_serializable(package="own")
class NotANumber(keras.layers.Conv2D):
    def penalty(self):
        return float("nan")

def turned(coordinates, **rest):
    model = build(coordinates, **rest)
    readouts = dict(reversed(model.readouts.items()))
    return FiringRateModel(model.core, readouts, image_shape=model.image_shape)

def leaves(coordinates, **rest):
    raise SystemExit(3)

def unregistered(coordinates, **rest):
    return with_core(Unregistered(5, 9), coordinates, **rest)

def without_config(coordinates, **rest):
    return with_core(WithoutConfig(5), coordinates, **rest)

def of_numpy(coordinates, **rest):
    return with_core(OfNumPy(5, 9), coordinates, **rest)

def failing_in_training(coordinates, **rest):
    return with_core(FailingInTraining(5, 9), coordinates, **rest)

def of_two_images(coordinates, **rest):
    return with_core(OfTwoImages(5, 9), coordinates, **rest)

def not_a_number(coordinates, **rest):
    return with_core(NotANumber(5, 9), coordinates, **rest)

number = 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_package").mkdir()
    (tmp_path / "own_package" / "__init__.py").touch()
    (tmp_path / "own_package" / "own_model.py").write_text(MODULE)
    (tmp_path / "broken_module.py").write_text("1 / 0")
    (tmp_path / "leaving_module.py").write_text("import sys; sys.exit(0)")
    monkeypatch.syspath_prepend(tmp_path)


def coordinates():
    return {"a": np.random.default_rng(0).normal(size=(4, 3)), "b": np.eye(3)}


def build(name, track="sensorium"):
    settings = BaselineSettings(hidden_channels=5)
    return model_builder(name)(coordinates(), track=track, settings=settings, seed=1)


@pytest.mark.usefixtures("own")
def test_a_model_is_built_by_a_function_that_is_named():
    model = build("own_package.own_model:build", track="sensorium_plus")
    rates = model({"b": {"image": np.zeros((2, 36, 64, 4))}})["b"]
    assert tuple(rates.shape) == (2, 3)


def test_a_baseline_is_built_likewise():
    assert build("ln").core.activation == "linear"


@pytest.mark.parametrize(
    "name", ["vit", "", "a:b:c", "a b:c", ":build", "a:", "a..b:c", "os.path:1"]
)
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(SensoriumError, match="unknown, expected cnn or ln or, for a model of your"):
        check_model_name(name)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_module:build", "module 'no_such_module' cannot be imported .ModuleNotFound"),
        ("broken_module:build", "module 'broken_module' cannot be imported .ZeroDivisionError"),
        ("own_package.own_model:missing", "the module has no function 'missing'"),
        ("own_package.own_model:number", "the module has no function 'number'"),
        ("leaving_module:build", "module 'leaving_module' cannot be imported .SystemExit"),
        ("own_package.own_model:raises", "raised ZeroDivisionError: division by zero"),
        ("own_package.own_model:nothing", "returned NoneType, expected a FiringRateModel"),
        ("own_package.own_model:one_mouse", "has readouts for neurons .*'a': 4.*, expected .*'b'"),
        ("own_package.own_model:of_plus", r"images of shape \(36, 64, 4\), expected \(36, 64, 1\)"),
        ("own_package.own_model:adding", "adds a loss that training would leave out: it pays"),
        ("own_package.own_model:active", "adds a loss that training would leave out: it pays"),
        ("own_package.own_model:active_beside_a_penalty", "adds a loss that training would leave"),
        ("own_package.own_model:adding_in_training", "adds a loss that training would leave out"),
        (
            "own_package.own_model:unnumbered",
            "the readout of b, a Unnumbered, needs the attribute n_neurons",
        ),
        ("own_package.own_model:rough", r"a penalty has shape \(9, 9, 1, 5\), expected a scalar"),
        ("own_package.own_model:failing", "a call raised ZeroDivisionError: .*division by zero.?$"),
        ("own_package.own_model:turned", "has readouts for neurons .*, in this order"),
        ("own_package.own_model:leaves", "raised SystemExit: 3"),
        (
            "own_package.own_model:unregistered",
            "cannot be saved and loaded again .*class 'Unregistered'.*: register its classes",
        ),
        ("own_package.own_model:without_config", "cannot be saved and loaded again"),
        ("own_package.own_model:of_numpy", "a (compiled )?call in training raised|a call raised"),
        (
            "own_package.own_model:failing_in_training",
            "a call raised ZeroDivisionError: .*division by zero.?$",
        ),
        ("own_package.own_model:of_two_images", r"in training gives a rates of shape \(2, 4\)"),
        ("own_package.own_model:not_a_number", "a penalty is nan"),
        ("own_package.own_model:short", r"gives b rates of shape \(2, 2\) .*, expected \(2, 3\)"),
    ],
)
def test_what_does_not_build_a_model_is_refused(name, says):
    with pytest.raises(SensoriumError, match=says):
        build(name)


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "name",
    [
        "adding_its_penalty",
        "regularized",
        "regularized_beside_a_penalty",
        "free_of_charge",
        "with_the_packages_core",
    ],
)
def test_losses_that_training_pays_are_not_refused(name, policy):
    keras.config.set_dtype_policy(policy)
    try:
        assert build(f"own_package.own_model:{name}").mice == ("a", "b")
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.usefixtures("own")
def test_the_check_of_a_model_leaves_it_as_it_was():
    settings = {"settings": BaselineSettings(hidden_channels=5), "seed": 1}
    checked = build("own_package.own_model:with_the_packages_core")
    fresh = baseline("cnn", coordinates(), **settings)
    for ours, theirs in zip(
        checked.core.non_trainable_weights, fresh.core.non_trainable_weights, strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    noise, unused = checked.readouts["a"].noise, GaussianReadout(4, seed=1).noise
    np.testing.assert_array_equal(noise.state, unused.state)


@pytest.mark.usefixtures("own")
def test_a_shifter_pays_its_regularizers_too(to_numpy):
    model = build("own_package.own_model:shifted", track="sensorium_plus")
    of_shifters = sum(
        0.01 * np.square(to_numpy(each.kernel)).sum() for each in model.shifters.values()
    )
    of_readouts = sum(to_numpy(each.penalty()) for each in model.readouts.values())
    assert to_numpy(model.penalties()["features"]) == pytest.approx(
        of_shifters + of_readouts, rel=1e-5
    )
    with pytest.raises(SensoriumError, match="adds a loss that training would leave out"):
        build("own_package.own_model:shifted_far", track="sensorium_plus")


@pytest.mark.usefixtures("own")
def test_modules_are_imported_by_name():
    (module,) = import_modules(["own_package.own_model"])
    assert module.number == 3


def test_a_module_in_the_working_directory_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SensoriumError, match="'just_written' cannot be imported"):
        import_modules(["just_written"])
    (tmp_path / "just_written.py").write_text("number = 4")
    (module,) = import_modules(["just_written"])
    assert module.number == 4
    import_modules(["just_written"])
    assert sys.path.count(str(tmp_path)) == 1 and sys.path[-1] == str(tmp_path)


def test_penalties_of_layers_of_ones_own_are_their_regularizers_or_their_method(to_numpy):
    class Penalised(keras.layers.Conv2D):
        def penalty(self):
            return 0.5 * ops.sum(ops.abs(self.kernel))

    def model(core):
        readouts = {name: GaussianReadout(3, feature_penalty=0.0) for name in "ab"}
        return FiringRateModel(core, readouts)

    regularized = model(keras.layers.Conv2D(2, 9, kernel_regularizer=keras.regularizers.L1(0.5)))
    expected = 0.5 * np.abs(to_numpy(regularized.core.kernel)).sum()
    # Keras counts a regularizer once, a method's penalty is paid with every pass of the core.
    assert to_numpy(regularized.penalties()["laplace"]) == pytest.approx(expected, rel=1e-5)
    assert float(sum(to_numpy(loss) for loss in regularized.losses)) == pytest.approx(
        expected, rel=1e-5
    )
    own = model(Penalised(2, 9))
    both = model(Penalised(2, 9, kernel_regularizer=keras.regularizers.L1(0.5)))
    expected = 2 * 0.5 * np.abs(to_numpy(own.core.kernel)).sum()
    assert to_numpy(own.penalties()["laplace"]) == pytest.approx(expected, rel=1e-5)
    expected = (2 + 1) * 0.5 * np.abs(to_numpy(both.core.kernel)).sum()
    assert to_numpy(both.penalties()["laplace"]) == pytest.approx(expected, rel=1e-5)
    assert to_numpy(model(keras.layers.Conv2D(2, 9)).penalties()["laplace"]) == 0
