"""Features, or whole branches, that training leaves out at random."""

import keras
from keras import ops

from sensorium_tf.models.ops.replicas import ReplicaSeedGenerator


class Dropout(keras.layers.Layer):
    """Sets features to zero in training, and scales the others up by as much.

    Unlike `keras.layers.Dropout` it draws other noise on every replica. A rate of zero draws
    nothing, and the layer has no state then.

    Args:
        rate: Share of what is set to zero, at least 0 and below 1.
        whole_images: Whether all features of an image go together: around a branch of a residual
            block that is stochastic depth (drop path; Huang et al. 2016, arXiv 1603.09382).
        seed: Seed of the noise, or `None`.
        name: Name of the layer.

    Call arguments:
        features: `(batch, ...)`.
        training: Whether to leave out anything.

    Returns:
        As `features`.
    """

    def __init__(self, rate: float, *, whole_images: bool = False, seed: int | None, name: str):
        super().__init__(name=name)
        self.rate = rate
        self.whole_images = whole_images
        self.noise = ReplicaSeedGenerator(seed) if rate else None

    def build(self, input_shape):
        """Makes nothing: there are no weights."""

    def call(self, features, training=None):
        """Leaves out some of the features `(batch, ...)` in training."""
        if not training or not self.rate:
            return features
        shape = None
        if self.whole_images:
            shape = (ops.shape(features)[0], *[1] * (len(features.shape) - 1))
        return keras.random.dropout(features, self.rate, noise_shape=shape, seed=self.noise)

    def compute_output_shape(self, input_shape):
        """Returns the shape of the features."""
        return input_shape
