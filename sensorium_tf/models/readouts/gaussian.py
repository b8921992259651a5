"""Where each neuron looks on the feature map, and what it takes from there."""

import keras
from keras import ops

from sensorium_tf.config import setting
from sensorium_tf.models.ops.bilinear import sample_bilinear
from sensorium_tf.models.ops.reading import read_bilinear
from sensorium_tf.models.ops.replicas import ReplicaSeedGenerator
from sensorium_tf.models.positions import PositionedReadout
from sensorium_tf.registry import READOUTS


@READOUTS.register("gaussian")
class GaussianReadout(PositionedReadout):
    """Readout of one mouse: every neuron reads the feature map at one position.

    In training the position of each neuron is drawn anew for every image from a Gaussian,
    `g = clip(mu + S eps, -1, 1)` with `eps ~ N(0, I)`, which gives the position a gradient that
    reaches further than a pixel; in evaluation it is the mean `mu`. A shift by the eye is added
    after the clip. The neuron's drive is `f . feature(g) + b`. Every pass pays
    `feature_penalty * sum|f|`. Source: arXiv 2206.08666, methods.

    With `positions="predicted"` the means are `tanh(W2 elu(W1 c + b1) + b2)` of the neurons'
    normalised places in cortex `c`: give those with `set_coordinates` before the first use. With
    `positions="free"` each mean is a weight of its own; with `positions="scattered"` it is the
    predicted one and an offset, as of `PositionedReadout`.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        features: `(batch, height, width, channels)`, the core's.
        shift: `(batch, 2)` shift of all positions, or `None`.
        training: Whether to draw positions (true) or to use their means.

    Returns:
        `(batch, n_neurons)`, each neuron's drive, before the output nonlinearity.

    Raises:
        SensoriumError: If an argument is none of the choices or out of its range.
    """

    class Config(PositionedReadout.Config):
        """Settings of the readout; the defaults are the published ones (arXiv 2206.08666)."""

        covariance: str = setting(
            "full",
            "What the Gaussian of the drawn positions can be. full: any 2x2 matrix S; "
            "uncorrelated: a width for each axis; isotropic: one width.",
            choices=("full", "uncorrelated", "isotropic"),
        )
        sigma_init: float = setting(
            0.1, "S starts as U(-sigma_init, sigma_init); the map spans [-1, 1].", at_least=0
        )
        feature_penalty: float = setting(
            0.0076, "Strength of the L1 penalty on the features.", at_least=0
        )

    penalty_label = "features"
    training_options = ("feature_penalty", "scatter_penalty")
    takes_shift = True
    reads_points = True

    def __init__(self, n_neurons, **kwargs):
        super().__init__(n_neurons, **kwargs)
        # Sampling uses an operation that XLA has no kernel for.
        self.supports_jit = keras.backend.backend() != "tensorflow"

        self._sigma_seed, mean_seed, noise_seed, *network_seeds = self.seeds(5)
        self.noise = ReplicaSeedGenerator(noise_seed, name="noise")
        self.make_positions(mean_seed, network_seeds)

    def build(self, input_shape):
        """Creates the weights for features `input_shape`, `(batch, height, width, channels)`."""
        channels = input_shape[-1]
        n_neurons = self.n_neurons
        self.build_positions()
        sigma_shape = {"full": (2, 2), "uncorrelated": (2,), "isotropic": (1,)}[
            self.config.covariance
        ]
        self.sigma = self.add_weight(
            name="sigma",
            shape=(n_neurons, *sigma_shape),
            initializer=keras.initializers.RandomUniform(
                -self.config.sigma_init, self.config.sigma_init, seed=self._sigma_seed
            ),
            autocast=False,
        )
        self.make_features(channels)
        self.bias = self.add_weight(name="bias", shape=(n_neurons,), initializer="zeros")

    def make_features(self, channels: int) -> None:
        """Creates the weights of `features`, `(n_neurons, channels)`."""
        self.features = self.add_weight(
            name="features",
            shape=(self.n_neurons, channels),
            initializer=keras.initializers.Constant(1.0 / channels),
        )

    def draw_positions(self, batch_size):
        """Draws positions `(batch_size, n_neurons, 2)` as training does, before any shift."""
        noise = keras.random.normal(
            (batch_size, self.n_neurons, 2), dtype=self.variable_dtype, seed=self.noise
        )
        sigma = ops.convert_to_tensor(self.sigma)
        if self.config.covariance == "full":
            offset = ops.sum(sigma * noise[:, :, None, :], axis=-1)
        else:
            offset = sigma * noise
        return ops.clip(self.positions() + offset, -1.0, 1.0)

    def places(self, batch_size, *, shift, training):
        """Returns where the neurons look in each image, `(batch_size or 1, n_neurons, 2)`."""
        positions = self.draw_positions(batch_size) if training else self.positions()[None]
        if shift is None:
            return positions
        return positions + ops.cast(shift, positions.dtype)[:, None, :]

    def call(self, features, shift=None, training=None):
        """Reads the neurons' drives `(batch, n_neurons)` off the feature maps."""
        positions = self.places(ops.shape(features)[0], shift=shift, training=training)
        if training:
            return read_bilinear(features, positions, self.features) + self.bias
        # Without XLA, so that a model can be exported to where there is none.
        samples = sample_bilinear(features, positions)
        return ops.sum(samples * self.features, axis=-1) + self.bias

    def read_points(self, samples, neurons):
        """Returns the drives `(batch,)` of some neurons, from samples `(batch, channels)`."""
        features, bias = (
            ops.cast(ops.take(each, neurons, axis=0), samples.dtype)
            for each in (self.features, self.bias)
        )
        return ops.sum(samples * features, axis=-1) + bias

    def penalty(self):
        """Returns the penalties of one pass, weighted as in the loss (a scalar)."""
        # In full precision also within a call under mixed precision.
        features = ops.cast(self.features, self.variable_dtype)
        return self.config.feature_penalty * ops.sum(ops.abs(features)) + self.scatter_cost()
