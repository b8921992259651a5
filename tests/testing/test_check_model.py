"""A custom model is checked before it is trained."""

import keras
import numpy as np
import pytest
from keras import ops
from small_models import MeanReadout, OneLayerCore, inputs, small_model

from sensorium_tf import SensoriumError, models
from sensorium_tf.testing import check_model

NEURONS = {"a": 4, "b": 3}


def model_of(core=None, *, track="sensorium", readouts=None, **parts):
    readouts = readouts or {mouse: models.GaussianReadout(n) for mouse, n in NEURONS.items()}
    return models.FiringRateModel(core or OneLayerCore(), readouts, inputs=inputs(track), **parts)


class Adding(OneLayerCore):
    def call(self, images, training=None):
        features = super().call(images)
        self.add_loss(ops.sum(self.conv.kernel))
        return features


class AddingInside(OneLayerCore):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv2D(2, 9, activity_regularizer="l2")


class PaidAndAdding(AddingInside):
    def penalty(self):
        return ops.sum(self.conv.kernel**2)


class Rough(OneLayerCore):
    def penalty(self):
        return self.conv.kernel


class NotANumber(OneLayerCore):
    def penalty(self):
        return float("nan")


class FreeOfCharge(OneLayerCore):
    def penalty(self):
        return 0.0


class Paying(OneLayerCore):
    def penalty(self):
        return ops.sum(self.conv.kernel**2)


class Failing(OneLayerCore):
    def call(self, images, training=None):
        return 1 / (0 if self.built else 1) + super().call(images)


class FailingInTraining(OneLayerCore):
    def call(self, images, training=None):
        return 1 / 0 if training else super().call(images)


class OfNumPy(OneLayerCore):
    def build(self, input_shape):
        self.conv.build(input_shape)

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(input_shape)

    def call(self, images, training=None):
        return ops.convert_to_tensor(np.asarray(super().call(images)) * 2)


class OtherChain(models.SensoriumCore):
    def call(self, images, training=None):
        return 2 * super().call(images, training=training)

    def chain(self):
        return super().chain()


class OfTwoImages(OneLayerCore):
    def build(self, input_shape):
        self.conv.build(input_shape)

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(input_shape)

    def call(self, images, training=None):
        return ops.reshape(super().call(images), (2, 28, 56, 2))


class WithoutConfig(OneLayerCore):
    def __init__(self, channels=3, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv2D(channels, 9)


class Short(MeanReadout):
    def call(self, features, shift=None, training=None):
        return super().call(features)[:, :2]


@pytest.mark.parametrize(
    ("core", "says"),
    [
        (Adding, "Adding: add_loss is not paid in training: return the loss from the method pen"),
        (AddingInside, "a layer in it adds a loss .by add_loss or an activity_regularizer. that"),
        (PaidAndAdding, "a layer in it adds a loss"),
        (Rough, r"a penalty has shape \(9, 9, 1, 2\), expected a scalar"),
        (NotANumber, "a penalty is nan"),
        (Failing, "Failing: its call raised ZeroDivisionError: division by zero"),
        (FailingInTraining, "a call in training raised ZeroDivisionError: .*division by zero"),
        (lambda: WithoutConfig(5), "cannot be saved and loaded again"),
        pytest.param(
            OfNumPy,
            "a compiled call in training raised",
            marks=pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="graphs"),
        ),
        (OfTwoImages, "a call in training raised|a compiled call"),
    ],
)
def test_a_core_that_cannot_be_trained_is_refused_in_one_line(core, says):
    with pytest.raises(SensoriumError, match=says) as caught:
        check_model(model_of(core()))
    assert "\n" not in str(caught.value)


def test_a_readout_of_another_shape_is_refused():
    readouts = {"a": MeanReadout(4), "b": Short(3)}
    with pytest.raises(SensoriumError, match=r"gives b rates of shape \(2, 2\) .*\(2, 3\)"):
        check_model(model_of(readouts=readouts))


def test_a_core_whose_chain_is_not_what_it_computes_is_refused(rng):
    places = {"a": rng.normal(size=(3, 3))}
    model = small_model(places)
    core = OtherChain(hidden_channels=4)
    with pytest.raises(SensoriumError, match="rates of a are others if they are computed of patch"):
        check_model(models.FiringRateModel(core, model.readouts, inputs=model.inputs))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "core",
    [
        OneLayerCore,
        FreeOfCharge,
        Paying,
        lambda: OneLayerCore(regularizer="l2"),
        lambda: models.SensoriumCore(hidden_channels=3, n_blocks=1),
    ],
)
def test_what_training_pays_is_not_refused(core, policy):
    keras.config.set_dtype_policy(policy)
    try:
        check_model(model_of(core()))
    finally:
        keras.config.set_dtype_policy("float32")


def test_every_part_of_this_package_passes_together(rng):
    coordinates = {mouse: rng.normal(size=(n, 3)) for mouse, n in NEURONS.items()}
    check_model(small_model(coordinates, track="sensorium_plus", modulator="gain"))


def test_what_is_no_model_is_refused():
    with pytest.raises(SensoriumError, match="expected a FiringRateModel. Received: Sequential"):
        check_model(keras.Sequential())


def test_the_check_leaves_a_model_as_it_was(rng):
    coordinates = {mouse: rng.normal(size=(n, 3)) for mouse, n in NEURONS.items()}
    checked, fresh = (small_model(coordinates, seed=1) for _ in range(2))
    check_model(checked)
    for ours, theirs in zip(checked.variables, fresh.variables, strict=True):
        np.testing.assert_array_equal(
            ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs), err_msg=ours.path
        )


def test_a_method_pays_with_every_pass_and_a_regularizer_once(to_numpy):
    def paid(core):
        model = model_of(core, readouts={mouse: MeanReadout(n) for mouse, n in NEURONS.items()})
        penalties = {name: to_numpy(value) for name, value in model.penalties().items()}
        assert list(penalties) == ["core", "readout"] and penalties["readout"] == 0
        return penalties["core"], to_numpy(core.conv.kernel)

    value, kernel = paid(OneLayerCore(regularizer="l2"))
    assert value == pytest.approx(0.01 * np.square(kernel).sum(), rel=1e-5)
    value, kernel = paid(Paying())
    assert value == pytest.approx(2 * np.square(kernel).sum(), rel=1e-5)
    value, kernel = paid(Paying(regularizer="l2"))
    assert value == pytest.approx(2.01 * np.square(kernel).sum(), rel=1e-5)


def test_what_fit_adds_to_the_loss_is_what_the_ledger_says(rng, to_numpy):
    readouts = {mouse: MeanReadout(n, regularizer="l1") for mouse, n in NEURONS.items()}
    model = model_of(Paying(regularizer="l2"), readouts=readouts)
    images = rng.normal(size=(2, 36, 64, 1)).astype("float32")
    for mice in (["a", "b"], ["b"]):
        model({mouse: {"image": images} for mouse in mice}, training=True)
        losses = [to_numpy(loss) for loss in model.losses]
        assert losses == [to_numpy(value) for value in model.penalties(mice).values()]


def test_a_shifter_is_in_the_ledger_if_it_pays(to_numpy):
    class Penalised(models.MLPShifter):
        def penalty(self):
            return ops.sum(ops.abs(self.layers[0].kernel))

    def labels(shifter):
        shifters = {mouse: shifter() for mouse in NEURONS}
        return list(model_of(track="sensorium_plus", shifters=shifters).penalties())

    assert labels(models.MLPShifter) == ["core", "features"]
    assert labels(Penalised) == ["core", "features", "shifter"]
