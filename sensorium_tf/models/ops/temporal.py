"""Convolutions over time, of every place by itself."""

from typing import Any

import keras
from keras import ops

from sensorium_tf.models.ops.convolution import xavier_normal


class TemporalConvolution(keras.layers.Layer):
    """A convolution over the frames of clips, the same at every place.

    Computed as a convolution of maps whose rows are frames and whose columns are places, for which
    every backend has fast kernels.

    Args:
        channels: Of the result; None for a kernel of its own for each channel, which stay apart.
        kernel: Frames that a result is made of.
        padding: `valid` (results of whole kernels alone: the last ones are those of the clip's last
            frame), `past` (zeros before the clip, so that every frame has a result and none knows
            what comes after it) or `same` (zeros on both sides: each result is in its kernel's
            middle and knows the future).
        use_bias: Whether a bias of each channel is added.
        initializer: Of the kernels; by default that of all convolutions, drawn with `seed`.
        seed: Seed of the initial weights, or `None`.
        name: Name of the layer.

    Call arguments:
        clips: `(batch, frames, height, width, channels)`.

    Returns:
        `(batch, frames', height, width, channels)`.
    """

    def __init__(
        self,
        channels: int | None,
        kernel: int,
        *,
        padding: str,
        use_bias: bool = False,
        initializer: Any = None,
        seed: int | None,
        name: str,
    ):
        super().__init__(name=name)
        self.channels, self.kernel_size, self.padding = channels, kernel, padding
        self.use_bias = use_bias
        self._initializer = initializer or xavier_normal(seed)
        past = {"valid": 0, "past": kernel - 1, "same": (kernel - 1) // 2}[padding]
        self._padding = (past, kernel - 1 - past if padding == "same" else 0)

    @property
    def lost_frames(self) -> int:
        """How many frames at the beginning have no result."""
        return self.kernel_size - 1 if self.padding == "valid" else 0

    def build(self, input_shape):
        """Makes the weights for clips of `input_shape`, of five axes."""
        channels = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, 1, channels, self.channels or 1),
            initializer=self._initializer,
        )
        self.bias = None
        if self.use_bias:
            shape = (self.channels or channels,)
            self.bias = self.add_weight(name="bias", shape=shape, initializer="zeros")

    def call(self, clips):
        """Filters clips `(batch, frames, height, width, channels)` over time."""
        (n_clips, frames), (height, width, channels) = ops.shape(clips)[:2], clips.shape[2:]
        places = ops.reshape(clips, (n_clips, frames, height * width, channels))
        if any(self._padding):
            places = ops.pad(places, ((0, 0), self._padding, (0, 0), (0, 0)))
        filtered = ops.depthwise_conv if self.channels is None else ops.conv
        found = filtered(places, self.kernel, padding="valid", data_format="channels_last")
        if self.use_bias:
            found = found + self.bias
        return ops.reshape(found, (*ops.shape(found)[:2], height, width, found.shape[-1]))

    def compute_output_shape(self, input_shape):
        """Returns the shape of the result."""
        batch, frames, height, width, channels = input_shape
        frames = None if frames is None else frames - self.lost_frames
        return (batch, frames, height, width, self.channels or channels)
