"""Layers of the channels of each place, in groups that are shuffled."""

import math

import keras
from keras import ops

from sensorium_tf.models.ops.convolution import batch_norm, xavier_normal
from sensorium_tf.models.ops.dropout import Dropout
from sensorium_tf.models.ops.frames import each_frame
from sensorium_tf.models.ops.seeds import spawn_seeds


class ShuffledGroups(keras.layers.Layer):
    """A 1x1 convolution of each group of channels by itself, whose results are shuffled.

    Batch normalisation and SiLU follow; what came in is added, normalised and repeated as often as
    there are more channels. Result i of group g becomes channel `i * groups + g`, so that the next
    layer's groups hold channels of all of this one's. Source: Zhang et al. 2018, arXiv 1707.01083;
    the layers of the "cortex" of the winner of Sensorium 2023 (arXiv 2407.09100).

    Args:
        channels: Of the result, a multiple of `groups`.
        groups: Groups of channels.
        drop_path: How often training leaves the convolution out, for each clip.
        seed: Seed of the initial weights and the noise, or `None`.
        name: Name of the layer.

    Call arguments:
        clips: `(batch, frames, height, width, inputs)`, their channels a multiple of `groups`.
        training: Whether to normalise by the batch's own statistics and to leave out anything.

    Returns:
        `(batch, frames, height, width, channels)`.
    """

    def __init__(
        self, channels: int, groups: int, *, drop_path: float, seed: int | None, name: str
    ):
        super().__init__(name=name)
        self.channels, self.groups = channels, groups
        self._seed, noise_seed = spawn_seeds(seed, 2)
        self.norm, self.shortcut = batch_norm("norm", momentum=0.9), Shortcut(channels)
        self.drop_path = Dropout(drop_path, whole_images=True, seed=noise_seed, name="drop_path")

    def build(self, input_shape):
        """Makes the weights for clips of `input_shape`, of five axes."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.groups, input_shape[-1] // self.groups, self.channels // self.groups),
            initializer=xavier_normal(self._seed),
        )
        self.norm.build((*input_shape[1:-1], self.channels))
        self.shortcut.build(input_shape)

    def call(self, clips, training=None):
        """Computes the channels of clips."""
        apart = ops.reshape(clips, (*ops.shape(clips)[:-1], self.groups, -1))
        found = ops.einsum("bthwgi,gio->bthwog", apart, self.kernel)
        found = ops.reshape(found, (*ops.shape(clips)[:-1], self.channels))
        found = ops.silu(each_frame(self.norm, found, training=training))
        return self.shortcut(clips, training=training) + self.drop_path(found, training=training)

    def compute_output_shape(self, input_shape):
        """Returns the shape of the result."""
        return (*input_shape[:-1], self.channels)


class Shortcut(keras.layers.Layer):
    """What came in, of the size and channels of what it is added to, normalised.

    Args:
        channels: Of the result; channels are repeated from the first on, or the last left out.
        stride: Every which row and column is kept.

    Call arguments:
        clips: `(batch, frames, height, width, inputs)`.
        training: Whether to normalise by the batch's own statistics.

    Returns:
        `(batch, frames, rows, columns, channels)`.
    """

    def __init__(self, channels: int, stride: int = 1):
        super().__init__(name="shortcut")
        self.channels, self.stride = channels, stride
        self.norm = batch_norm("norm", momentum=0.9)

    def build(self, input_shape):
        """Makes the weights for clips of `input_shape`, of five axes."""
        self.norm.build((*input_shape[1:-1], self.channels))

    def call(self, clips, training=None):
        """Returns the clips, smaller and of other channels."""
        kept = clips[:, :, :: self.stride, :: self.stride]
        times = math.ceil(self.channels / clips.shape[-1])
        repeated = ops.concatenate([kept] * times, axis=-1)[..., : self.channels]
        return each_frame(self.norm, repeated, training=training)

    def compute_output_shape(self, input_shape):
        """Returns the shape of the result."""
        batch, frames, *size, _ = input_shape
        rows, columns = (math.ceil(each / self.stride) for each in size)
        return (batch, frames, rows, columns, self.channels)
