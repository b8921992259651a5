"""The core of the published LN and CNN baselines."""

from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.models.cores._stem import StemCore
from sensorium_tf.models.ops.convolution import (
    batch_norm,
    convolution,
    depth_separable,
    depthwise_supports_jit,
)
from sensorium_tf.models.ops.dropout import Dropout
from sensorium_tf.models.ops.squeeze_excite import SqueezeExcite
from sensorium_tf.models.ops.stem import StemConvolution
from sensorium_tf.registry import CORES


@CORES.register("sensorium")
class SensoriumCore(StemCore):
    """Convolutional core of the LN and CNN baselines.

    A stem of one full convolution (valid), then blocks of a 1x1, a depthwise (same) and a second
    1x1 convolution. Batch normalisation and the activation follow the stem and every block; no
    convolution has a bias. With `activation="linear"` it is the core of the LN baseline; full
    kernels, squeeze-and-excitation and dropout are options that no baseline has. Every pass pays
    `laplace_penalty * laplace_norm(stem)`, so that a core that sees the images of several mice one
    after another is penalised once for each.
    Source: arXiv 2206.08666, methods; the published starting kit's configuration.

    Args:
        **kwargs: The settings of `Config`, such as `hidden_channels=32`, and `seed`, `name`,
            `dtype` and `trainable` as of `PartBase`.

    Call arguments:
        images: `(batch, height, width, channels)`, for the baselines `(batch, 36, 64, 1 or 4)`.
        training: Whether to normalise by the batch's own statistics.

    Returns:
        Features `(batch, height - input_kernel + 1, width - input_kernel + 1, hidden_channels)`,
        for the baselines `(batch, 28, 56, 64)`.

    Raises:
        SensoriumError: If a setting is out of its range, or an image smaller than the kernel.
    """

    class Config(config.Config):
        """Settings of the core; the defaults are those of the CNN (arXiv 2206.08666)."""

        hidden_channels: int = setting(64, "Channels of every layer.", at_least=1)
        input_kernel: int = setting(
            9,
            "Height and width of the stem's kernels, in pixels of the model's images.",
            at_least=1,
        )
        hidden_kernel: int = setting(
            7, "Height and width of the depthwise kernels, in pixels.", at_least=1
        )
        n_blocks: int = setting(
            3, "Blocks after the stem; 2 in the LN baseline.", at_least=0, at_most=1000
        )
        activation: str = setting(
            "elu", "Nonlinearity of every layer; linear: none.", choices=("elu", "linear")
        )
        depth_separable: bool = setting(
            True,
            "Whether a block is a depthwise convolution between two of 1x1; if not, one of full "
            "kernels.",
        )
        squeeze_excite: int | None = setting(
            None,
            "Squeeze-and-excitation after every block, with so many times fewer hidden units than "
            "channels; None for none.",
            at_least=1,
        )
        dropout: float = setting(
            0.0,
            "Share of the features that training sets to zero after every block.",
            at_least=0,
            below=1,
        )
        laplace_penalty: float = setting(
            6.3831, "Strength of the smoothness penalty on the stem's kernels.", at_least=0
        )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = depthwise_supports_jit()

        numbers = range(1, self.config.n_blocks + 1)
        # Those of the published options come first, so that the others do not change them.
        seeds = iter(self.seeds(1 + 5 * len(numbers)))
        self.stem = convolution(
            self.config.hidden_channels,
            self.config.input_kernel,
            seed=next(seeds),
            name="stem",
            padding="valid",
            layer=StemConvolution,
        )
        self.stem_norm = batch_norm("stem_norm")
        self.blocks = [self._block(f"block{number}", seeds) for number in numbers]
        self.block_norms = [batch_norm(f"block{number}_norm") for number in numbers]
        self.gains = []
        if (ratio := self.config.squeeze_excite) is not None:
            self.gains = [
                SqueezeExcite(ratio, seed=next(seeds), name=f"block{number}_gain")
                for number in numbers
            ]
        self.dropouts = [
            Dropout(self.config.dropout, seed=next(seeds), name=f"block{number}_dropout")
            for number in numbers
        ]

    def _block(self, name, seeds):
        channels, kernel = self.config.hidden_channels, self.config.hidden_kernel
        if self.config.depth_separable:
            return depth_separable(channels, kernel, seeds=seeds, name=name)
        return [convolution(channels, kernel, seed=next(seeds), name=name)]

    def call(self, images, training=None):
        """Extracts the features of `(batch, height, width, channels)` images."""
        return self.levels(images, training=training)[-1]

    def levels(self, images, training=None):
        """Returns what the stem and each block give, maps of one size."""
        features = self._activate(self.stem_norm(self.stem(images), training=training))
        found = [features]
        for index, (block, norm) in enumerate(zip(self.blocks, self.block_norms, strict=True)):
            for layer in block:
                features = layer(features)
            features = self._activate(norm(features, training=training))
            if self.gains:
                features = self.gains[index](features)
            features = self.dropouts[index](features, training=training)
            found.append(features)
        return found

    def chain(self):
        """Returns the layers of a call in evaluation, in order; None if one looks at all places."""
        if self.gains:
            return None
        layers = [self.stem, self.stem_norm, self._activate]
        for block, norm in zip(self.blocks, self.block_norms, strict=True):
            layers += [*block, norm, self._activate]
        return layers

    def _activate(self, features):
        return ops.elu(features) if self.config.activation == "elu" else features

    def compute_output_shape(self, input_shape):
        """Returns the shape of the features of images of `input_shape`."""
        batch, height, width, _ = input_shape
        margin = self.config.input_kernel - 1
        return (batch, height - margin, width - margin, self.config.hidden_channels)
