"""The feature extractor that all mice of a model share."""

import keras
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.batch_norm import BatchNorm
from sensorium_tf.models.seeds import spawn_seeds

ACTIVATIONS = ("elu", "linear")


def laplace_norm(kernel):
    """Measures how rough convolution kernels are.

    `sum((w * L)^2) / sum(w^2)` with the Laplace filter L = [[0,-1,0],[-1,4,-1],[0,-1,0]] and
    zeros around every kernel w. Source: arXiv 2206.08666, methods (smoothness of the first layer).

    Args:
        kernel: `(height, width, in_channels, out_channels)`.

    Returns:
        A scalar tensor: 0 for perfectly smooth, at most 64.
    """
    kernel = ops.convert_to_tensor(kernel)
    height, width = kernel.shape[:2]
    framed = ops.pad(kernel, ((1, 1), (1, 1), (0, 0), (0, 0)))
    neighbours = (
        framed[:height, 1:-1]
        + framed[2 : height + 2, 1:-1]
        + framed[1:-1, :width]
        + framed[1:-1, 2 : width + 2]
    )
    return ops.sum(ops.square(4.0 * kernel - neighbours)) / ops.sum(ops.square(kernel))


@keras.saving.register_keras_serializable(package="sensorium_tf")
class Core(keras.layers.Layer):
    """Convolutional core of the LN and CNN baselines.

    A stem of one full convolution (valid), then blocks of a 1x1, a depthwise (same) and a second
    1x1 convolution. Batch normalisation and the activation follow the stem and every block; no
    convolution has a bias. With `activation="linear"` it is the core of the LN baseline. Every
    call adds `laplace_penalty * laplace_norm(stem)` to the losses, so that a core that sees the
    images of several mice one after another is penalised once for each.
    Source: arXiv 2206.08666, methods; the published starting kit's configuration.

    Args:
        hidden_channels: Channels of every layer.
        input_kernel: Height and width of the stem's kernels, in pixels of the resized image.
        hidden_kernel: Height and width of the depthwise kernels.
        n_blocks: Blocks after the stem: 3 in the CNN, 2 in the LN baseline.
        activation: `"elu"`, or `"linear"` for none.
        laplace_penalty: Strength of the stem's smoothness penalty.
        seed: Seed of the initial weights; `None` draws them anew each time.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        image: `(batch, height, width, channels)`, for the baselines `(batch, 36, 64, 1 or 4)`.
        training: Whether to normalise by the batch's own statistics.

    Returns:
        Features `(batch, height - input_kernel + 1, width - input_kernel + 1, hidden_channels)`,
        for the baselines `(batch, 28, 56, 64)`.

    Raises:
        SensoriumError: If an argument is out of its range, or an image smaller than the kernel.
    """

    def __init__(
        self,
        hidden_channels=64,
        *,
        input_kernel=9,
        hidden_kernel=7,
        n_blocks=3,
        activation="elu",
        laplace_penalty=6.3831,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if activation not in ACTIVATIONS:
            raise SensoriumError(
                f"Core: activation must be one of {', '.join(ACTIVATIONS)}. Received: {activation}"
            )
        if min(hidden_channels, input_kernel, hidden_kernel) < 1 or n_blocks < 0:
            raise SensoriumError(
                "Core: hidden_channels, input_kernel and hidden_kernel must be at least 1 and "
                f"n_blocks at least 0. Received: {hidden_channels}, {input_kernel}, "
                f"{hidden_kernel} and {n_blocks}"
            )
        self.hidden_channels = hidden_channels
        self.input_kernel = input_kernel
        self.hidden_kernel = hidden_kernel
        self.n_blocks = n_blocks
        self.activation = activation
        self.laplace_penalty = laplace_penalty
        self.seed = seed
        # XLA's depthwise convolution on CPUs takes 25 times as long as TensorFlow's own, and
        # Keras would choose XLA by itself.
        self.supports_jit = keras.backend.backend() != "tensorflow"

        seeds = iter(spawn_seeds(seed, 1 + 3 * n_blocks))
        self.stem = keras.layers.Conv2D(
            hidden_channels,
            input_kernel,
            padding="valid",
            use_bias=False,
            kernel_initializer=_xavier_normal(next(seeds)),
            name="stem",
        )
        self.stem_norm = _norm("stem_norm")
        self.blocks = [self._block(index, seeds) for index in range(1, n_blocks + 1)]
        self.block_norms = [_norm(f"block{index}_norm") for index in range(1, n_blocks + 1)]

    def _block(self, index, seeds):
        def pointwise(name):
            return keras.layers.Conv2D(
                self.hidden_channels,
                1,
                use_bias=False,
                kernel_initializer=_xavier_normal(next(seeds)),
                name=name,
            )

        return [
            pointwise(f"block{index}_in"),
            keras.layers.DepthwiseConv2D(
                self.hidden_kernel,
                padding="same",
                use_bias=False,
                depthwise_initializer=_xavier_normal(next(seeds)),
                name=f"block{index}_spatial",
            ),
            pointwise(f"block{index}_out"),
        ]

    def build(self, input_shape):
        """Creates the weights for images of `input_shape`, `(batch, height, width, channels)`."""
        if min(input_shape[1:3]) < self.input_kernel:
            raise SensoriumError(
                f"Core: images of {input_shape[1]} x {input_shape[2]} pixels are smaller than "
                f"the stem's kernel of {self.input_kernel}; use larger images or a smaller kernel"
            )
        self.stem.build(input_shape)
        feature_shape = self.compute_output_shape(input_shape)
        self.stem_norm.build(feature_shape)
        for block, norm in zip(self.blocks, self.block_norms, strict=True):
            for layer in block:
                layer.build(feature_shape)
            norm.build(feature_shape)
        self.built = True

    def call(self, image, training=None):
        """Extracts the features of `(batch, height, width, channels)` images."""
        self.add_loss(self.penalty())
        features = self._activate(self.stem_norm(self.stem(image), training=training))
        for block, norm in zip(self.blocks, self.block_norms, strict=True):
            for layer in block:
                features = layer(features)
            features = self._activate(norm(features, training=training))
        return features

    def _activate(self, features):
        return ops.elu(features) if self.activation == "elu" else features

    def penalty(self):
        """Returns the smoothness penalty of one call, weighted as in the loss (a scalar)."""
        kernel = ops.cast(self.stem.kernel, self.variable_dtype)  # Half under mixed precision.
        return self.laplace_penalty * laplace_norm(kernel)

    def compute_output_shape(self, input_shape):
        """Returns the shape of the features of images of `input_shape`."""
        batch, height, width, _ = input_shape
        margin = self.input_kernel - 1
        return (batch, height - margin, width - margin, self.hidden_channels)

    def get_config(self):
        """Returns the constructor's arguments."""
        config = super().get_config()
        config.update(
            hidden_channels=self.hidden_channels,
            input_kernel=self.input_kernel,
            hidden_kernel=self.hidden_kernel,
            n_blocks=self.n_blocks,
            activation=self.activation,
            laplace_penalty=self.laplace_penalty,
            seed=self.seed,
        )
        return config


def _xavier_normal(seed):
    # Keras's GlorotNormal truncates the distribution, the published networks' does not.
    return keras.initializers.VarianceScaling(
        scale=1.0, mode="fan_avg", distribution="untruncated_normal", seed=seed
    )


def _norm(name):
    # A momentum of 0.1 keeps a tenth of the old running value: it is nearly the last batch's.
    return BatchNorm(momentum=0.1, epsilon=1e-5, name=name)
