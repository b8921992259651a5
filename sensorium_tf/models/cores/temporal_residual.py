"""A core of images for every frame, then residual blocks over time."""

import keras
from keras import ops

from sensorium_tf.config import setting
from sensorium_tf.models.cores._frames import FramesConfig, FramesCore
from sensorium_tf.models.ops.convolution import batch_norm
from sensorium_tf.models.ops.frames import each_frame
from sensorium_tf.models.ops.temporal import TemporalConvolution
from sensorium_tf.registry import CORES


@CORES.register("temporal_residual")
class TemporalResidualCore(FramesCore):
    """A core of images that sees each frame, then blocks over time that start as nothing.

    A block adds `V * elu(norm(W * x))` to its features x: two convolutions over time, of every
    place by itself, of this frame and those before it (zeros before the clip). V starts at zero, so
    that a new core gives of each frame of any movie what its core of images gives of it. A trained
    core of images is taken as its start (`--init_from`, `copy_weights`), and training
    finds out what time adds. Source: ours; the start is that of He et al. 2016 (arXiv 1603.05027)
    and of inflated networks (Carreira and Zisserman 2017, arXiv 1705.07750).

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        movies: `(batch, frames, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics.

    Returns:
        Features `(batch, frames, rows, columns, channels)` as of the core of images.

    Raises:
        SensoriumError: If a setting is out of its range, or a frame too small.
    """

    class Config(FramesConfig):
        """Settings of the core."""

        core: str = setting("sensorium", "Core of images that sees each frame.")
        n_blocks: int = setting(2, "Blocks over time.", at_least=1, at_most=1000)
        kernel: int = setting(7, "Frames that a convolution sees.", at_least=1)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        core_seed, *seeds = self.seeds(1 + self.config.n_blocks)
        self.frames = self.image_core(core_seed)
        self.blocks = [
            _TemporalBlock(self.config.kernel, seed=seed, name=f"time{number}")
            for number, seed in enumerate(seeds, start=1)
        ]

    def over_time(self, features, training):
        """Returns what each block gives."""
        found = []
        for block in self.blocks:
            features = block(features, training=training)
            found.append(features)
        return found


class _TemporalBlock(keras.layers.Layer):
    """Two convolutions over time, whose result is added."""

    def __init__(self, kernel: int, *, seed: int | None, name: str):
        super().__init__(name=name)
        self.kernel_size, self._seed = kernel, seed

    def build(self, input_shape):
        """Makes the weights for clips of `input_shape`, of five axes."""
        options = {"padding": "past", "seed": self._seed}
        channels, kernel = input_shape[-1], self.kernel_size
        self.into = TemporalConvolution(channels, kernel, name="into", **options)
        self.norm = batch_norm("norm")
        self.out = TemporalConvolution(
            channels, kernel, initializer=keras.initializers.Zeros(), name="out", **options
        )
        self.into.build(input_shape)
        self.norm.build((None, *input_shape[2:]))
        self.out.build(input_shape)

    def call(self, clips, training=None):
        """Computes the features of clips."""
        inner = each_frame(self.norm, self.into(clips), training=training)
        return clips + self.out(ops.elu(inner))

    def compute_output_shape(self, input_shape):
        """Returns the shape of the clips."""
        return input_shape
