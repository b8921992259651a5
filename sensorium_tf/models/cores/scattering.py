"""A core with a fixed front end: a scattering transform."""

import numpy as np
from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.models.base import CoreBase
from sensorium_tf.models.cores._stem import check_image_size
from sensorium_tf.models.ops.conv_block import ConvBlock, chained
from sensorium_tf.models.ops.convolution import (
    batch_norm,
    convolution,
    depth_separable,
    depthwise_supports_jit,
)
from sensorium_tf.models.ops.filtering import filter_each
from sensorium_tf.models.ops.morlet import bank, gaussian
from sensorium_tf.registry import CORES

# What keeps the slope of a modulus finite at zero.
_SMALL = 1e-6


@CORES.register("scattering")
class ScatteringCore(CoreBase):
    """Wavelet moduli that nobody trains, then a few layers that are.

    Of every channel of the image there are: the image itself under a Gaussian window; the moduli of
    its Morlet wavelets of `n_scales` scales and `n_angles` angles under the window; with `order=2`,
    those of the moduli's own coarser wavelets, too; with `phases` also the wavelets' real and
    imaginary parts, without window, which know where in a pixel a line is, as simple cells do. The
    image continues beyond its border as its mirror image. Batch normalisation and a 1x1 convolution
    follow, then depth-separable blocks as in the published core. The transform has no weights, and
    no gradient passes it in training; it is computed in every step.
    Source: Bruna and Mallat 2013, arXiv 1203.1513, section 2.

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        images: `(batch, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics and to drop features.

    Returns:
        Features `(batch, ceil(height / stride), ceil(width / stride), channels)`.

    Raises:
        SensoriumError: If a setting is out of its range, or an image smaller than the filters.
    """

    class Config(config.Config):
        """Settings of the core."""

        n_scales: int = setting(2, "Scales of the wavelets.", at_least=1, at_most=6)
        n_angles: int = setting(8, "Angles of the wavelets.", at_least=1, at_most=64)
        order: int = setting(1, "Wavelets that follow each other: 1 or 2.", at_least=1, at_most=2)
        phases: bool = setting(
            True, "Whether the wavelets' real and imaginary parts are features, too."
        )
        stride: int = setting(
            2, "Pixels of the image that a pixel of the map stands for.", at_least=1
        )
        channels: int = setting(64, "Channels of every learned layer.", at_least=1)
        hidden_kernel: int = setting(
            7, "Height and width of the blocks' depthwise kernels.", at_least=1
        )
        n_blocks: int = setting(2, "Depth-separable blocks.", at_least=0, at_most=1000)
        dropout: float = setting(
            0.0,
            "Share of the features that training sets to zero after every block.",
            at_least=0,
            below=1,
        )

    penalty_label = "scattering"
    step_cost = 0.7
    training_options = ("dropout",)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = depthwise_supports_jit()
        options = self.config
        self._banks = [bank(scale, options.n_angles) for scale in range(options.n_scales)]
        self._window = gaussian(0.8 * 2 ** (options.n_scales - 1))
        self.norm = batch_norm("norm")
        mix_seed, *seeds = self.seeds(1 + 4 * options.n_blocks)
        self.mix = ConvBlock(
            [convolution(options.channels, 1, seed=mix_seed, name="mix_convolution")], name="mix"
        )
        rest = iter(seeds)
        self.blocks = [
            ConvBlock(
                depth_separable(
                    options.channels, options.hidden_kernel, seeds=rest, name=f"block{number}"
                ),
                dropout=options.dropout,
                seed=next(rest),
                name=f"block{number}",
            )
            for number in range(1, options.n_blocks + 1)
        ]

    def build(self, input_shape):
        """Makes the weights for images of `input_shape`, `(batch, height, width, channels)`."""
        smallest = max(len(each) for each in (*self._banks, self._window)) // 2 + 1
        check_image_size(input_shape, smallest, f"n_scales {self.config.n_scales}")
        super().build(input_shape)

    def call(self, images, training=None):
        """Extracts the features of `(batch, height, width, channels)` images."""
        return self.levels(images, training=training)[-1]

    def levels(self, images, training=None):
        """Returns what the 1x1 convolution and each block give, maps of one size."""
        features = self.norm(self.transform(images), training=training)
        return chained([self.mix, *self.blocks], features, training)

    def transform(self, images):
        """Returns what is fixed, `(batch, rows, columns, coefficients)`."""
        stride = self.config.stride
        moduli, finer, phases = [images], [], []
        for filters in self._banks:
            real, imaginary = _waves(images, filters)
            if self.config.phases:
                phases += [real[:, ::stride, ::stride], imaginary[:, ::stride, ::stride]]
            modulus = _modulus(real, imaginary)
            moduli.append(modulus)
            if self.config.order > 1:
                moduli += [_modulus(*_waves(each, filters)) for each in finer]
                finer.append(modulus)
        window = self._window[..., None]
        windowed = filter_each(ops.concatenate(moduli, axis=-1), window, stride=stride)
        return ops.concatenate([windowed, *phases], axis=-1)


def _waves(images, filters: np.ndarray):
    """Returns the real and imaginary parts of every channel's wavelets."""
    return ops.split(filter_each(images, filters), 2, axis=-1)


def _modulus(real, imaginary):
    return ops.sqrt(ops.square(real) + ops.square(imaginary) + _SMALL)
