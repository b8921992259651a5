"""Convolutions and what usually follows them, as one layer."""

from collections.abc import Sequence

import keras

from sensorium_tf.models.ops.convolution import batch_norm, convolution
from sensorium_tf.models.ops.dropout import Dropout


class ConvBlock(keras.layers.Layer):
    """Convolutions one after another, then batch normalisation, a nonlinearity and dropout.

    Args:
        convolutions: The layers, in order.
        activation: Name of the Keras activation.
        dropout: Share of the features that training sets to zero.
        seed: Seed of the dropout's noise, or `None`.
        name: Name of the layer.

    Call arguments:
        features: `(batch, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics and to drop features.

    Returns:
        Features `(batch, rows, columns, channels)`, as many as the last convolution gives.
    """

    def __init__(
        self,
        convolutions: Sequence[keras.layers.Layer],
        *,
        activation: str = "elu",
        dropout: float = 0.0,
        seed: int | None = None,
        name: str,
    ):
        super().__init__(name=name)
        self.convolutions = list(convolutions)
        self.norm = batch_norm(f"{name}_norm")
        self.activation = keras.activations.get(activation)
        self.dropout = Dropout(dropout, seed=seed, name=f"{name}_dropout")

    @property
    def kernel(self):
        """Kernels of the first convolution, `(height, width, channels, kernels)`."""
        return self.convolutions[0].kernel

    def build(self, input_shape):
        """Makes the weights for features of `input_shape`, `(batch, height, width, channels)`."""
        for layer in self.convolutions:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        self.norm.build(input_shape)

    def call(self, features, training=None):
        """Computes the features of `(batch, height, width, channels)`."""
        for layer in self.convolutions:
            features = layer(features)
        features = self.activation(self.norm(features, training=training))
        return self.dropout(features, training=training)

    def compute_output_shape(self, input_shape):
        """Returns the shape of the result."""
        for layer in self.convolutions:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape


def stem(channels: int, kernel: int, *, seed: int | None) -> ConvBlock:
    """Returns a core's first layer, whose kernels all lie within the image."""
    first = convolution(channels, kernel, seed=seed, name="stem_convolution", padding="valid")
    return ConvBlock([first], name="stem")


def chained(blocks, features, training=None) -> list:
    """Returns what each of some layers gives, one after another.

    Args:
        blocks: The layers, called with `training`.
        features: What the first one is given.
        training: As of the layers.
    """
    found = []
    for block in blocks:
        features = block(features, training=training)
        found.append(features)
    return found
