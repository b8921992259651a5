"""Where a neuron looks and what it looks for, as a mask and weights of the channels."""

import keras
from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.models.base import ReadoutBase
from sensorium_tf.models.ops.masks import centres, read_masked
from sensorium_tf.registry import READOUTS


@READOUTS.register("factorised")
class FactorisedReadout(ReadoutBase):
    """Every neuron has a mask over the map and weights of the channels.

    The drive is `sum_p m(p) f . feature(p) + b` over all places p of the map. The mask is
    `m = |M| / sqrt(sum M^2)` of a weight M: neither its sign nor its size can be traded against the
    weights f, so that the penalty `mask_penalty * sum m + feature_penalty * sum|f|`, which every
    pass pays, says how far a mask spreads. A shift by the eye moves the masks.
    Source: Klindt et al. 2017, arXiv 1711.02653.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        features: `(batch, height, width, channels)`, the core's.
        shift: `(batch, 2)` shift of all masks, or `None`.
        training: Not used.

    Returns:
        `(batch, n_neurons)`, each neuron's drive.

    Raises:
        SensoriumError: If an argument is out of its range.
    """

    class Config(config.Config):
        """Settings of the readout."""

        mask_penalty: float = setting(
            0.1, "Strength of the L1 penalty on the masks, whose L2 norm is 1.", at_least=0
        )
        feature_penalty: float = setting(
            0.0076, "Strength of the L1 penalty on the features.", at_least=0
        )

    penalty_label = "features"
    training_options = ("mask_penalty", "feature_penalty")
    takes_shift = True

    def build(self, input_shape):
        """Creates the weights for features `input_shape`, `(batch, height, width, channels)`."""
        _, height, width, channels = input_shape
        (seed,) = self.seeds(1)
        self.map_size = (height, width)
        self.masks = self.add_weight(
            name="masks",
            shape=(self.n_neurons, height * width),
            initializer=keras.initializers.RandomUniform(0.5, 1.0, seed=seed),
            autocast=False,
        )
        self.features = self.add_weight(
            name="features",
            shape=(self.n_neurons, channels),
            # A mask that is even sums up to the root of the number of places.
            initializer=keras.initializers.Constant(1.0 / channels / (height * width) ** 0.5),
            autocast=False,
        )
        self.bias = self.add_weight(
            name="bias", shape=(self.n_neurons,), initializer="zeros", autocast=False
        )

    def normalized_masks(self):
        """Returns the masks, `(n_neurons, height * width)`: not negative, of L2 norm 1."""
        masks = ops.convert_to_tensor(self.masks)
        norm = ops.sqrt(ops.sum(ops.square(masks), axis=1, keepdims=True) + 1e-12)
        return ops.abs(masks) / norm

    def positions(self):
        """Returns the masks' centres, `(n_neurons, 2)` as (x, y) in [-1, 1]."""
        return centres(self.normalized_masks(), self.map_size)

    def call(self, features, shift=None, training=None):
        """Reads the neurons' drives `(batch, n_neurons)` off the feature maps."""
        drives = read_masked(features, self.normalized_masks(), self.features, shift=shift)
        return drives + ops.cast(self.bias, drives.dtype)

    def penalty(self):
        """Returns the L1 penalties of one pass, weighted as in the loss (a scalar)."""
        features = ops.sum(ops.abs(ops.convert_to_tensor(self.features)))
        return (
            self.config.mask_penalty * ops.sum(self.normalized_masks())
            + self.config.feature_penalty * features
        )
