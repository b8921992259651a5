"""A core of inverted residual blocks, as of the winner of Sensorium 2023."""

import keras

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.models.cores._stem import StemCore
from sensorium_tf.models.ops.conv_block import ConvBlock, chained, stem
from sensorium_tf.models.ops.convolution import (
    convolution,
    depthwise,
    depthwise_supports_jit,
)
from sensorium_tf.models.ops.dropout import Dropout
from sensorium_tf.models.ops.squeeze_excite import SqueezeExcite
from sensorium_tf.registry import CORES


@CORES.register("inverted_residual")
class InvertedResidualCore(StemCore):
    """A stem of large kernels, then blocks that are wide within and keep the size of the map.

    A block expands the channels by a 1x1 convolution, filters each by a depthwise one, weighs them
    by squeeze-and-excitation and projects them back; training leaves out whole blocks at random
    (stochastic depth), and what a block was given is added to its result. Source: Sandler et al.
    2018, arXiv 1801.04381, section 3; in two dimensions what the winner of Sensorium 2023 used in
    three (arXiv 2407.09100).

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        images: `(batch, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics and to leave out blocks.

    Returns:
        Features `(batch, height - input_kernel + 1, width - input_kernel + 1, channels)`.

    Raises:
        SensoriumError: If a setting is out of its range, or an image smaller than the kernel.
    """

    class Config(config.Config):
        """Settings of the core."""

        channels: int = setting(64, "Channels between the blocks.", at_least=1)
        input_kernel: int = setting(
            9, "Height and width of the stem's kernels, in pixels.", at_least=1
        )
        n_blocks: int = setting(3, "Blocks after the stem.", at_least=0, at_most=1000)
        expansion: int = setting(2, "How many times wider a block is within.", at_least=1)
        hidden_kernel: int = setting(
            5, "Height and width of the depthwise kernels, in pixels.", at_least=1
        )
        squeeze_excite: int = setting(
            16,
            "How many times fewer hidden units squeeze-and-excitation has than channels.",
            at_least=1,
        )
        drop_path: float = setting(
            0.1, "How often training leaves a block out, for each image.", at_least=0, below=1
        )
        laplace_penalty: float = setting(
            6.3831, "Strength of the smoothness penalty on the stem's kernels.", at_least=0
        )

    step_cost = 2.4

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = depthwise_supports_jit()
        options = self.config
        stem_seed, *seeds = self.seeds(1 + options.n_blocks * _InvertedBlock.n_seeds)
        self.stem = stem(options.channels, options.input_kernel, seed=stem_seed)
        rest = iter(seeds)
        self.blocks = [
            _InvertedBlock(options, seeds=rest, name=f"block{number}")
            for number in range(1, options.n_blocks + 1)
        ]

    def call(self, images, training=None):
        """Extracts the features of `(batch, height, width, channels)` images."""
        return self.levels(images, training=training)[-1]

    def levels(self, images, training=None):
        """Returns what the stem and each block give, maps of one size."""
        return chained([self.stem, *self.blocks], images, training)


class _InvertedBlock(keras.layers.Layer):
    """Expand, filter, weigh, project; what it was given is added."""

    n_seeds = 5

    def __init__(self, options, *, seeds, name):
        super().__init__(name=name)
        expand, spatial, gain, project, noise = (next(seeds) for _ in range(self.n_seeds))
        self.expand = ConvBlock(
            [
                convolution(
                    options.expansion * options.channels, 1, seed=expand, name=f"{name}_wide"
                )
            ],
            name=f"{name}_expand",
        )
        self.spatial = ConvBlock(
            [depthwise(options.hidden_kernel, seed=spatial, name=f"{name}_depthwise")],
            name=f"{name}_spatial",
        )
        self.gain = SqueezeExcite(options.squeeze_excite, seed=gain, name=f"{name}_gain")
        self.project = ConvBlock(
            [convolution(options.channels, 1, seed=project, name=f"{name}_narrow")],
            activation="linear",
            name=f"{name}_project",
        )
        self.drop_path = Dropout(
            options.drop_path, whole_images=True, seed=noise, name=f"{name}_drop_path"
        )

    def build(self, input_shape):
        """Makes the weights for features of `input_shape`."""
        shape = input_shape
        for layer in (self.expand, self.spatial, self.gain, self.project):
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, features, training=None):
        """Computes the features of `(batch, height, width, channels)`."""
        inner = self.spatial(self.expand(features, training=training), training=training)
        inner = self.project(self.gain(inner), training=training)
        return features + self.drop_path(inner, training=training)

    def compute_output_shape(self, input_shape):
        """Returns the shape of the features."""
        return input_shape
