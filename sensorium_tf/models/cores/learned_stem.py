"""A core for images at full resolution, which it makes smaller itself."""

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.cores._stem import StemCore
from sensorium_tf.models.ops.conv_block import ConvBlock, chained
from sensorium_tf.models.ops.convolution import (
    convolution,
    depth_separable,
    depthwise_supports_jit,
)
from sensorium_tf.registry import CORES


@CORES.register("learned_stem")
class LearnedStemCore(StemCore):
    """The published core behind a layer that learns how images are made smaller.

    A convolution of `patch` x `patch` pixels with steps as long takes the place of the resize to a
    quarter; then come, as in the published core, a full convolution without padding and
    depth-separable blocks, which may widen. Each is followed by batch normalisation and ELU. Give
    it images of full size (`--image_size=144x256`) and perhaps their centred copy
    (`--channels=image,centred_image`). The smoothness penalty is on the large kernels: those of the
    patches are to be fine.
    Source: entries of Sensorium 2022 (retrospective, PMLR 220:314-333).

    Args:
        **kwargs: The settings of `Config`, such as `channels=[32, 128, 256]`, and `seed`, `name`,
            `dtype` and `trainable` as of `PartBase`.

    Call arguments:
        images: `(batch, height, width, channels)`, such as `(batch, 144, 256, 2)`.
        training: Whether to normalise by the batch's own statistics and to drop features.

    Returns:
        Features `(batch, height // patch - input_kernel + 1, width // patch - input_kernel + 1,
        last of channels)`.

    Raises:
        SensoriumError: If a setting is out of its range, or an image too small.
    """

    class Config(config.Config):
        """Settings of the core."""

        patch_channels: int = setting(16, "Channels of the layer of patches.", at_least=1)
        patch: int = setting(4, "Height and width of a patch, in pixels.", at_least=1)
        input_kernel: int = setting(
            9, "Height and width of the large kernels, in patches.", at_least=1
        )
        channels: tuple[int, ...] = setting(
            (64, 64, 64, 64),
            "Channels of the layer of large kernels and of each block after it, such as "
            "[32, 32, 128, 256].",
        )
        hidden_kernel: int = setting(
            7, "Height and width of the blocks' depthwise kernels.", at_least=1
        )
        dropout: float = setting(
            0.0,
            "Share of the features that training sets to zero after every block.",
            at_least=0,
            below=1,
        )
        laplace_penalty: float = setting(
            6.3831, "Strength of the smoothness penalty on the large kernels.", at_least=0
        )

        def __post_init__(self):
            super().__post_init__()
            if min(self.channels, default=0) < 1:
                raise SensoriumError(
                    f"channels {list(self.channels)}: expected one number of at least 1 or several"
                )

    step_cost = 1.9

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = depthwise_supports_jit()
        options = self.config
        first, *others = options.channels
        patch_seed, large_seed, *seeds = self.seeds(2 + 4 * len(others))
        self.stem = ConvBlock(
            [
                convolution(
                    options.patch_channels,
                    options.patch,
                    seed=patch_seed,
                    name="stem_convolution",
                    padding="valid",
                    strides=options.patch,
                )
            ],
            name="stem",
        )
        self.large = ConvBlock(
            [
                convolution(
                    first,
                    options.input_kernel,
                    seed=large_seed,
                    name="large_convolution",
                    padding="valid",
                )
            ],
            name="large",
        )
        rest = iter(seeds)
        self.blocks = [
            ConvBlock(
                depth_separable(width, options.hidden_kernel, seeds=rest, name=f"block{number}"),
                dropout=options.dropout,
                seed=next(rest),
                name=f"block{number}",
            )
            for number, width in enumerate(others, start=1)
        ]

    def smooth_kernel(self):
        """Returns the large kernels, `(height, width, patch_channels, kernels)`."""
        return self.large.kernel

    def smallest_image(self):
        """Returns the height and width that images need, in pixels."""
        return self.config.patch * self.config.input_kernel

    def call(self, images, training=None):
        """Extracts the features of `(batch, height, width, channels)` images."""
        return self.levels(images, training=training)[-1]

    def levels(self, images, training=None):
        """Returns what the layer of large kernels and each block give, maps of one size."""
        return chained([self.stem, self.large, *self.blocks], images, training)[1:]
