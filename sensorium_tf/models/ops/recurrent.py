"""Gated recurrence over the frames of clips."""

import keras
from keras import ops

from sensorium_tf.models.ops.convolution import convolution, xavier_normal
from sensorium_tf.models.ops.frames import each_frame
from sensorium_tf.models.ops.seeds import spawn_seeds

_GATES = ("update", "reset", "candidate")


class ConvolutionalGRU(keras.layers.Layer):
    """A state of maps that each frame changes, by gates that are convolutions.

    With the update u, the reset r and the candidate c of frame x and state h, which starts at zero:
    `u = sigmoid(U_u * x + W_u * h + b_u)`, `r` likewise, `c = tanh(U_c * x + W_c * (r h) + b_c)`,
    and the next state is `(1 - u) h + u c`. Source: Ballas et al. 2016, arXiv 1511.06432; Sinz et
    al. 2018, which the published starting kit of Sensorium 2023 follows.

    Args:
        channels: Of the state.
        kernel: Height and width of all kernels, in pixels of the map.
        seed: Seed of the initial weights, or `None`.
        name: Name of the layer.

    Call arguments:
        clips: `(batch, frames, height, width, channels)`.

    Returns:
        The states after each frame, `(batch, frames, height, width, channels)`.
    """

    def __init__(self, channels: int, kernel: int, *, seed: int | None, name: str):
        super().__init__(name=name)
        self.channels, self.kernel_size = channels, kernel
        seeds = spawn_seeds(seed, 2 * len(_GATES))
        self.of_frames = [
            convolution(channels, kernel, seed=each, name=f"{gate}_frame", use_bias=True)
            for gate, each in zip(_GATES, seeds, strict=False)
        ]
        self._seeds = seeds[len(_GATES) :]

    def build(self, input_shape):
        """Makes the weights for clips of `input_shape`, of five axes."""
        for layer in self.of_frames:
            layer.build((None, *input_shape[2:]))
        shape = (self.kernel_size, self.kernel_size, self.channels, self.channels)
        self.of_state = [
            self.add_weight(name=f"{gate}_state", shape=shape, initializer=xavier_normal(seed))
            for gate, seed in zip(_GATES, self._seeds, strict=True)
        ]

    def call(self, clips):
        """Returns the states after each frame of clips."""
        update, reset, candidate = (ops.convert_to_tensor(each) for each in self.of_state)
        gates = ops.concatenate([update, reset], axis=-1)
        # What frames add to the gates does not wait for the states.
        added = ops.concatenate([each_frame(layer, clips) for layer in self.of_frames], axis=-1)

        def step(state, frame):
            of_gates, of_candidate = ops.split(frame, [2 * self.channels], axis=-1)
            u, r = ops.split(ops.sigmoid(_convolve(state, gates) + of_gates), 2, axis=-1)
            c = ops.tanh(_convolve(r * state, candidate) + of_candidate)
            state = (1 - u) * state + u * c
            return state, state

        frames = ops.moveaxis(added, 1, 0)
        start = ops.zeros_like(frames[0][..., : self.channels])
        _, states = ops.scan(step, start, frames)
        return ops.moveaxis(states, 0, 1)

    def compute_output_shape(self, input_shape):
        """Returns the shape of the states."""
        return (*input_shape[:-1], self.channels)


def _convolve(maps, kernel):
    return ops.conv(maps, ops.cast(kernel, maps.dtype), padding="same", data_format="channels_last")
