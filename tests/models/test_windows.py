"""The rate of one neuron an image, from the patch that it sees."""

import keras
import numpy as np
import pytest
from keras import ops
from movie_models import CORE, movie_inputs, movie_model
from small_models import MeanReadout, OneLayerCore, inputs, small_model

from sensorium_tf import config
from sensorium_tf.models import CoreBase, FiringRateModel
from sensorium_tf.models.cores.sensorium import SensoriumCore
from sensorium_tf.models.ops.unpadded import is_convolution
from sensorium_tf.models.windows import WindowedRates
from sensorium_tf.testing.models import example_signals

# Over the whole map and a little beyond it, so that patches reach over every border.
POSITIONS = np.array(
    [[0, 0], [-1, -1], [1, 1], [-1, 0.3], [0.98, -0.97], [0.2, 1], [-0.4, 0.5]], np.float32
)


class StridedCore(CoreBase):
    """A strided convolution that is not padded, and one of even kernels that is."""

    class Config(config.Config):
        """Has no settings."""

    def __init__(self, kind=keras.layers.Conv2D, **kwargs):
        super().__init__(**kwargs)
        self.stem = kind(3, 4, strides=2, activation="elu")
        self.second = kind(3, (4, 3), padding="same")

    def call(self, images, training=None):
        """Filters the images."""
        return self.second(self.stem(images))

    def chain(self):
        """Returns both."""
        return [self.stem, self.second]


def randomised(model):
    """The model with statistics and weights that are not the first ones, and places all over."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        values = rng.normal(size=weight.shape)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else 0.6 * values)
    for readout in model.readouts.values():
        readout.mean.assign(POSITIONS)
        readout.bias.assign(readout.bias + 5.0)  # rates near 0 have no gradients
    return model


def cnn(track="sensorium", **settings):
    places = {"a": np.random.default_rng(1).normal(size=(len(POSITIONS), 3))}
    return randomised(
        small_model(places, track=track, readout="gaussian(positions=free)", **settings)
    )


class OtherConvolution(keras.layers.Conv2D):
    """A convolution that might compute in a way of its own."""


def strided(kind=keras.layers.Conv2D):
    readout = cnn().readouts["a"]
    again = type(readout).from_config({**readout.get_config(), "name": "strided"})
    return randomised(FiringRateModel(StridedCore(kind), {"a": again}, inputs=inputs()))


@pytest.mark.parametrize(
    "make",
    [
        cnn,
        lambda: cnn(model="ln"),
        lambda: cnn(core="sensorium(n_blocks=2,hidden_kernel=4)"),
        lambda: cnn("sensorium_plus", modulator="gain"),
        lambda: cnn(nonlinearity="softplus(slope=2)"),
        strided,
        lambda: strided(OtherConvolution),
    ],
    ids=[
        "cnn",
        "ln",
        "even kernels",
        "behavior, shifter and gain",
        "softplus",
        "strides",
        "other layers",
    ],
)
def test_rates_and_gradients_are_those_of_whole_images(make):
    import tensorflow as tf

    model = make()
    windowed, columns = WindowedRates.of(model, "a"), np.arange(len(POSITIONS))
    signals = example_signals(model.inputs, len(POSITIONS))

    @tf.function
    def rates_and_gradients(images, is_windowed):
        given = {**signals, "image": images}
        with tf.GradientTape() as tape:
            tape.watch(images)
            if is_windowed:
                rates = windowed(given, columns)
            else:
                rates = tf.linalg.diag_part(model({"a": given})["a"])
        return rates, tape.gradient(rates, images)

    images = tf.constant(signals["image"])
    for found, expected in zip(
        rates_and_gradients(images, True), rates_and_gradients(images, False), strict=True
    ):
        largest = np.abs(expected).max()
        assert largest > 0.01
        np.testing.assert_allclose(found, expected, atol=1e-5 * largest, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "lost"),
    [
        ({"modulator": "gain"}, 3),
        ({"nonlinearity": "softplus(slope=2)", "core": CORE[:-1] + ", activation='linear')"}, 3),
        ({"shifter": "none", "core": CORE[:-1] + ", pad_past=True)"}, 0),
    ],
    ids=["behavior, shifter and gain", "softplus, linear", "zeros before the clip"],
)
def test_rates_and_gradients_are_those_of_whole_movies(settings, lost):
    import tensorflow as tf

    places = {"a": np.random.default_rng(1).normal(size=(len(POSITIONS), 3))}
    model = randomised(
        movie_model(
            places, readout="gaussian(positions=free)", inputs=movie_inputs("behavior"), **settings
        )
    )
    windowed, columns = WindowedRates.of(model, "a"), np.arange(len(POSITIONS))
    assert windowed.patch_size == (8, 8)
    rng = np.random.default_rng(2)
    video = tf.constant(rng.normal(size=(len(POSITIONS), 6, 12, 16, 3)).astype("float32"))
    signals = {
        name: np.repeat(rng.normal(size=(len(POSITIONS), 1, 2)), 6, axis=1).astype("float32")
        for name in ("behavior", "pupil_center")
    }
    found = []
    for rates_of in (
        lambda given: windowed(given, columns),
        lambda given: tf.gather(model({"a": given})["a"], columns, axis=2, batch_dims=1),
    ):
        with tf.GradientTape() as tape:
            tape.watch(video)
            rates = rates_of({**signals, "video": video})
        found.append((rates, tape.gradient(rates, video)))
    assert found[0][0].shape == (len(POSITIONS), 6 - lost)
    for ours, expected in zip(*found, strict=True):
        largest = np.abs(expected).max()
        assert largest > 0.01
        np.testing.assert_allclose(ours, expected, atol=1e-5 * largest, rtol=1e-4)


def test_all_convolutions_of_the_published_core_have_the_fast_gradients_of_patches():
    layers = [each for each in SensoriumCore().chain() if hasattr(each, "kernel_size")]
    assert len(layers) == 10 and all(map(is_convolution, layers))


def test_models_that_need_whole_images_have_no_windows():
    assert WindowedRates.of(cnn(), "a").patch_size == (28, 28)
    other_core = FiringRateModel(OneLayerCore(), {"a": MeanReadout(2)}, inputs=inputs())
    assert WindowedRates.of(other_core, "a") is None
    wide = cnn(core="sensorium(hidden_kernel=25)")
    assert WindowedRates.of(wide, "a") is None
    mixing = cnn("sensorium_plus", modulator="gain")
    mixing.modulators["a"].neuron_by_neuron = False
    assert WindowedRates.of(mixing, "a") is None


def test_a_part_that_computes_otherwise_than_its_base_has_no_windows_by_inheritance():
    class Squared(SensoriumCore):
        def call(self, images, training=None):
            return super().call(images, training=training) ** 2

    class Doubled(SensoriumCore):
        def levels(self, images, training=None):
            return [2 * level for level in super().levels(images, training=training)]

    model = cnn()
    for core in (Squared(), Doubled()):
        other = FiringRateModel(core, model.readouts, inputs=inputs())
        assert WindowedRates.of(other, "a") is None


def test_a_core_that_is_no_chain_says_so():
    assert OneLayerCore().chain() is None
    core = cnn().core
    images = example_signals(inputs(), 2)["image"]
    features = images
    for layer in core.chain():
        features = layer(features)
    np.testing.assert_allclose(
        ops.convert_to_numpy(features), ops.convert_to_numpy(core(images)), atol=1e-6
    )
