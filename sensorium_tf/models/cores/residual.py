"""A core of residual blocks."""

import keras

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.models.cores._stem import StemCore
from sensorium_tf.models.ops.conv_block import ConvBlock, chained, stem
from sensorium_tf.models.ops.convolution import convolution
from sensorium_tf.models.ops.dropout import Dropout
from sensorium_tf.registry import CORES


@CORES.register("residual")
class ResidualCore(StemCore):
    """A stem of large kernels, then blocks of two 3x3 convolutions around which the features go on.

    A block is `elu(x + norm(conv(drop(elu(norm(conv(x)))))))`. Only the first one may halve the
    map, where its shortcut is a 1x1 convolution. Source: He et al. 2016, arXiv 1512.03385, section
    3, with batch normalisation and ELU as in the published baselines.

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        images: `(batch, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics and to drop features.

    Returns:
        Features `(batch, rows, columns, channels)` with `rows = ceil((height - input_kernel + 1) /
        stride)`, columns likewise.

    Raises:
        SensoriumError: If a setting is out of its range, or an image smaller than the kernel.
    """

    class Config(config.Config):
        """Settings of the core."""

        channels: int = setting(64, "Channels of every layer.", at_least=1)
        input_kernel: int = setting(
            9, "Height and width of the stem's kernels, in pixels.", at_least=1
        )
        n_blocks: int = setting(2, "Residual blocks after the stem.", at_least=0, at_most=1000)
        stride: int = setting(
            1, "Step of the first block; 2 halves the map.", at_least=1, at_most=2
        )
        dropout: float = setting(
            0.1,
            "Share of the features that training sets to zero within every block.",
            at_least=0,
            below=1,
        )
        laplace_penalty: float = setting(
            6.3831, "Strength of the smoothness penalty on the stem's kernels.", at_least=0
        )

    step_cost = 2.0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        options = self.config
        stem_seed, *seeds = self.seeds(1 + options.n_blocks * _ResidualBlock.n_seeds)
        self.stem = stem(options.channels, options.input_kernel, seed=stem_seed)
        rest = iter(seeds)
        self.blocks = [
            _ResidualBlock(
                options.channels,
                stride=options.stride if number == 1 else 1,
                dropout=options.dropout,
                seeds=rest,
                name=f"block{number}",
            )
            for number in range(1, options.n_blocks + 1)
        ]

    def call(self, images, training=None):
        """Extracts the features of `(batch, height, width, channels)` images."""
        return self.levels(images, training=training)[-1]

    def levels(self, images, training=None):
        """Returns what the stem and each block give."""
        return chained([self.stem, *self.blocks], images, training)


class _ResidualBlock(keras.layers.Layer):
    """Two 3x3 convolutions, to whose result what they were given is added."""

    n_seeds = 4

    def __init__(self, channels, *, stride, dropout, seeds, name):
        super().__init__(name=name)
        first, second, shortcut, noise = (next(seeds) for _ in range(self.n_seeds))
        self.first = ConvBlock(
            [convolution(channels, 3, seed=first, name=f"{name}_first", strides=stride)],
            name=f"{name}_in",
        )
        self.dropout = Dropout(dropout, seed=noise, name=f"{name}_dropout")
        self.second = ConvBlock(
            [convolution(channels, 3, seed=second, name=f"{name}_second")],
            activation="linear",
            name=f"{name}_out",
        )
        self.shortcut = None
        if stride > 1:
            self.shortcut = ConvBlock(
                [convolution(channels, 1, seed=shortcut, name=f"{name}_step", strides=stride)],
                activation="linear",
                name=f"{name}_shortcut",
            )

    def build(self, input_shape):
        """Makes the weights for features of `input_shape`."""
        self.first.build(input_shape)
        self.second.build(self.first.compute_output_shape(input_shape))
        if self.shortcut is not None:
            self.shortcut.build(input_shape)

    def call(self, features, training=None):
        """Computes the features of `(batch, height, width, channels)`."""
        inner = self.dropout(self.first(features, training=training), training=training)
        inner = self.second(inner, training=training)
        if self.shortcut is not None:
            features = self.shortcut(features, training=training)
        return keras.ops.elu(features + inner)

    def compute_output_shape(self, input_shape):
        """Returns the shape of the result."""
        return self.first.compute_output_shape(input_shape)
