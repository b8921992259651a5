"""The core of the published LN and CNN baselines."""

import keras
from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase
from sensorium_tf.models.ops.batch_norm import BatchNorm
from sensorium_tf.models.ops.laplace import laplace_norm
from sensorium_tf.registry import CORES


@CORES.register("sensorium")
class SensoriumCore(CoreBase):
    """Convolutional core of the LN and CNN baselines.

    A stem of one full convolution (valid), then blocks of a 1x1, a depthwise (same) and a second
    1x1 convolution. Batch normalisation and the activation follow the stem and every block; no
    convolution has a bias. With `activation="linear"` it is the core of the LN baseline. Every pass
    pays `laplace_penalty * laplace_norm(stem)`, so that a core that sees the images of several mice
    one after another is penalised once for each.
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
        laplace_penalty: float = setting(
            6.3831, "Strength of the smoothness penalty on the stem's kernels.", at_least=0
        )

    penalty_label = "laplace"
    training_options = ("laplace_penalty",)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        # XLA's depthwise convolution on CPUs takes 25 times as long as TensorFlow's own, and
        # Keras would choose XLA by itself.
        self.supports_jit = keras.backend.backend() != "tensorflow"

        n_blocks = self.config.n_blocks
        seeds = iter(self.seeds(1 + 3 * n_blocks))
        self.stem = keras.layers.Conv2D(
            self.config.hidden_channels,
            self.config.input_kernel,
            padding="valid",
            use_bias=False,
            data_format="channels_last",
            kernel_initializer=_xavier_normal(next(seeds)),
            name="stem",
        )
        self.stem_norm = _norm("stem_norm")
        self.blocks = [self._block(index, seeds) for index in range(1, n_blocks + 1)]
        self.block_norms = [_norm(f"block{index}_norm") for index in range(1, n_blocks + 1)]

    def _block(self, index, seeds):
        def pointwise(name):
            return keras.layers.Conv2D(
                self.config.hidden_channels,
                1,
                use_bias=False,
                data_format="channels_last",
                kernel_initializer=_xavier_normal(next(seeds)),
                name=name,
            )

        return [
            pointwise(f"block{index}_in"),
            keras.layers.DepthwiseConv2D(
                self.config.hidden_kernel,
                padding="same",
                use_bias=False,
                data_format="channels_last",
                depthwise_initializer=_xavier_normal(next(seeds)),
                name=f"block{index}_spatial",
            ),
            pointwise(f"block{index}_out"),
        ]

    def build(self, input_shape):
        """Creates the weights for images of `input_shape`, `(batch, height, width, channels)`."""
        if min(input_shape[1:3]) < self.config.input_kernel:
            raise SensoriumError(
                f"input_kernel {self.config.input_kernel}: images of {input_shape[1]} x "
                f"{input_shape[2]} pixels are smaller: use larger images or a smaller kernel"
            )
        self.stem.build(input_shape)
        feature_shape = self.compute_output_shape(input_shape)
        self.stem_norm.build(feature_shape)
        for block, norm in zip(self.blocks, self.block_norms, strict=True):
            for layer in block:
                layer.build(feature_shape)
            norm.build(feature_shape)

    def call(self, images, training=None):
        """Extracts the features of `(batch, height, width, channels)` images."""
        return self.levels(images, training=training)[-1]

    def levels(self, images, training=None):
        """Returns what the stem and each block give, maps of one size."""
        features = self._activate(self.stem_norm(self.stem(images), training=training))
        found = [features]
        for block, norm in zip(self.blocks, self.block_norms, strict=True):
            for layer in block:
                features = layer(features)
            features = self._activate(norm(features, training=training))
            found.append(features)
        return found

    def _activate(self, features):
        return ops.elu(features) if self.config.activation == "elu" else features

    def penalty(self):
        """Returns the smoothness penalty of one pass, weighted as in the loss (a scalar)."""
        # In full precision also within a call under mixed precision.
        kernel = ops.cast(self.stem.kernel, self.variable_dtype)
        return self.config.laplace_penalty * laplace_norm(kernel)

    def compute_output_shape(self, input_shape):
        """Returns the shape of the features of images of `input_shape`."""
        batch, height, width, _ = input_shape
        margin = self.config.input_kernel - 1
        return (batch, height - margin, width - margin, self.config.hidden_channels)

    def first_layer(self):
        """Returns the stem's kernels, `(height, width, channels, kernels)`."""
        return ops.convert_to_numpy(self.stem.kernel)


def _xavier_normal(seed):
    # Keras's GlorotNormal truncates the distribution, the published networks' does not.
    return keras.initializers.VarianceScaling(
        scale=1.0, mode="fan_avg", distribution="untruncated_normal", seed=seed
    )


def _norm(name):
    # A momentum of 0.1 keeps a tenth of the old running value: it is nearly the last batch's.
    return BatchNorm(momentum=0.1, epsilon=1e-5, name=name)
