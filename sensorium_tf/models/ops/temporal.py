"""Convolutions over time, of every place by itself."""

import keras
from keras import ops

from sensorium_tf.models.ops.convolution import xavier_normal


class TemporalConvolution(keras.layers.Layer):
    """A convolution over the frames of clips, the same at every place.

    Computed as a convolution of maps whose rows are frames and whose columns are places, for which
    every backend has fast kernels.

    Args:
        channels: Of the result.
        kernel: Frames that a result is made of.
        padding: `valid` (results of whole kernels alone: the last ones are those of the clip's last
            frame), `past` (zeros before the clip, so that every frame has a result and none knows
            what comes after it) or `same` (zeros on both sides: each result is in its kernel's
            middle and knows the future).
        use_bias: Whether a bias of each channel is added.
        seed: Seed of the initial weights, or `None`.
        name: Name of the layer.

    Call arguments:
        clips: `(batch, frames, height, width, channels)`.

    Returns:
        `(batch, frames', height, width, channels)`.
    """

    def __init__(
        self,
        channels: int,
        kernel: int,
        *,
        padding: str,
        use_bias: bool = False,
        seed: int | None,
        name: str,
    ):
        super().__init__(name=name)
        self.channels, self.kernel_size, self.padding = channels, kernel, padding
        self.use_bias = use_bias
        self._seed = seed
        past = {"valid": 0, "past": kernel - 1, "same": (kernel - 1) // 2}[padding]
        self._padding = (past, kernel - 1 - past if padding == "same" else 0)

    @property
    def lost_frames(self) -> int:
        """How many frames at the beginning have no result."""
        return self.kernel_size - 1 if self.padding == "valid" else 0

    def build(self, input_shape):
        """Makes the weights for clips of `input_shape`, of five axes."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, 1, input_shape[-1], self.channels),
            initializer=xavier_normal(self._seed),
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.channels,), initializer="zeros")

    def call(self, clips):
        """Filters clips `(batch, frames, height, width, channels)` over time."""
        (n_clips, frames), (height, width, channels) = ops.shape(clips)[:2], clips.shape[2:]
        places = ops.reshape(clips, (n_clips, frames, height * width, channels))
        if any(self._padding):
            places = ops.pad(places, ((0, 0), self._padding, (0, 0), (0, 0)))
        found = ops.conv(places, self.kernel, padding="valid", data_format="channels_last")
        if self.use_bias:
            found = found + self.bias
        return ops.reshape(found, (n_clips, ops.shape(found)[1], height, width, self.channels))

    def compute_output_shape(self, input_shape):
        """Returns the shape of the result."""
        batch, frames, height, width, _ = input_shape
        frames = None if frames is None else frames - self.lost_frames
        return (batch, frames, height, width, self.channels)
