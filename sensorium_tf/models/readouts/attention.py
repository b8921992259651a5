"""Every neuron attends to places of the map, around the one where it looks."""

import keras
from keras import ops

from sensorium_tf.config import setting
from sensorium_tf.models.ops.masks import centres, grid, read_masked
from sensorium_tf.models.positions import PositionedReadout
from sensorium_tf.registry import READOUTS


@READOUTS.register("attention")
class AttentionReadout(PositionedReadout):
    """Every neuron has a softmax over the places of the map.

    The drive is `sum_p a(p) f . feature(p) + b`, where `a = softmax(q . k(p) - |p - mu|^2 / (2
    s^2))` over all places p: a Gaussian of width s around the neuron's position mu, which the
    neuron's query q changes by its products with the keys k, that the neurons share. Queries start
    at zero. The attention does not depend on the image, so that reading is a matrix product. Every
    pass pays `feature_penalty * sum|f|`. A shift by the eye moves the attention.
    Source: the positions are those of arXiv 2206.08666, methods; the rest is ours.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        features: `(batch, height, width, channels)`, the core's.
        shift: `(batch, 2)` shift of all places that are attended to, or `None`.
        training: Not used.

    Returns:
        `(batch, n_neurons)`, each neuron's drive.

    Raises:
        SensoriumError: If an argument is none of the choices or out of its range.
    """

    class Config(PositionedReadout.Config):
        """Settings of the readout."""

        width: float = setting(
            0.1, "Width s of the Gaussian at the start; the map spans [-1, 1].", above=0
        )
        keys: int = setting(8, "Length of queries and keys; 0 for the Gaussian alone.", at_least=0)
        feature_penalty: float = setting(
            0.0076, "Strength of the L1 penalty on the features.", at_least=0
        )

    penalty_label = "features"
    training_options = ("feature_penalty", "scatter_penalty")
    takes_shift = True

    def __init__(self, n_neurons, **kwargs):
        super().__init__(n_neurons, **kwargs)
        self._key_seed, mean_seed, *network_seeds = self.seeds(4)
        self.make_positions(mean_seed, network_seeds)

    def build(self, input_shape):
        """Creates the weights for features `input_shape`, `(batch, height, width, channels)`."""
        _, height, width, channels = input_shape
        self.map_size = (height, width)
        self.build_positions()

        def weight(name, shape, initializer):
            return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

        even = keras.initializers.Constant(1.0 / channels)
        self.log_width = weight("log_width", (self.n_neurons,), "zeros")
        if self.config.keys:
            normal = keras.initializers.RandomNormal(stddev=1.0, seed=self._key_seed)
            self.queries = weight("queries", (self.n_neurons, self.config.keys), "zeros")
            self.keys = weight("keys", (self.config.keys, height * width), normal)
        self.features = weight("features", (self.n_neurons, channels), even)
        self.bias = weight("bias", (self.n_neurons,), "zeros")

    def attention(self):
        """Returns the share of each place, `(n_neurons, height * width)`, each row of sum 1."""
        places, mean = grid(self.map_size), PositionedReadout.positions(self)
        distance = ops.sum(ops.square(mean[:, None] - places), axis=-1)
        spread = self.config.width * ops.exp(ops.convert_to_tensor(self.log_width))
        logits = -0.5 * distance / ops.square(spread)[:, None]
        if self.config.keys:
            logits = logits + ops.matmul(
                ops.convert_to_tensor(self.queries), ops.convert_to_tensor(self.keys)
            )
        return ops.softmax(logits, axis=-1)

    def positions(self):
        """Returns the centres of attention, `(n_neurons, 2)` as (x, y) in [-1, 1]."""
        return centres(self.attention(), self.map_size)

    def call(self, features, shift=None, training=None):
        """Reads the neurons' drives `(batch, n_neurons)` off the feature maps."""
        drives = read_masked(features, self.attention(), self.features, shift=shift)
        return drives + ops.cast(self.bias, drives.dtype)

    def penalty(self):
        """Returns the penalties of one pass, weighted as in the loss (a scalar)."""
        features = ops.convert_to_tensor(self.features)
        return self.config.feature_penalty * ops.sum(ops.abs(features)) + self.scatter_cost()
