"""Channels that are weighed by what the whole map holds."""

import keras
from keras import ops

from sensorium_tf.models.ops.convolution import xavier_normal
from sensorium_tf.models.ops.seeds import spawn_seeds


class SqueezeExcite(keras.layers.Layer):
    """Multiplies each channel by a gain between 0 and 1 that the means of all channels set.

    `x * sigmoid(W2 elu(W1 mean(x) + b1) + b2)`, the mean over the map. Source: Hu et al. 2018,
    arXiv 1709.01507, section 3.

    Args:
        ratio: How many times fewer hidden units there are than channels; at least one is there.
        seed: Seed of the initial weights, or `None`.
        name: Name of the layer.

    Call arguments:
        features: `(batch, height, width, channels)`.

    Returns:
        As `features`.
    """

    def __init__(self, ratio: int, *, seed: int | None, name: str):
        super().__init__(name=name)
        self.ratio = ratio
        self._seeds = spawn_seeds(seed, 2)

    def build(self, input_shape):
        """Makes the weights for features of `input_shape`, `(batch, height, width, channels)`."""
        channels = input_shape[-1]
        hidden = max(1, channels // self.ratio)
        squeeze, excite = map(xavier_normal, self._seeds)
        self.squeeze = keras.layers.Dense(
            hidden, activation="elu", kernel_initializer=squeeze, name="squeeze"
        )
        self.excite = keras.layers.Dense(
            channels, activation="sigmoid", kernel_initializer=excite, name="excite"
        )
        self.squeeze.build((None, channels))
        self.excite.build((None, hidden))

    def call(self, features):
        """Weighs the channels of features `(batch, height, width, channels)`."""
        gain = self.excite(self.squeeze(ops.mean(features, axis=(1, 2))))
        return features * gain[:, None, None, :]

    def compute_output_shape(self, input_shape):
        """Returns the shape of the features."""
        return input_shape
