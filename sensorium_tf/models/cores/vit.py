"""A vision transformer as a core."""

import keras
from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase
from sensorium_tf.models.cores._stem import check_image_size
from sensorium_tf.models.ops.conv_block import chained
from sensorium_tf.models.ops.convolution import batch_norm, convolution
from sensorium_tf.models.ops.transformer import TransformerBlock
from sensorium_tf.registry import CORES


@CORES.register("vit")
class ViTCore(CoreBase):
    """A vision transformer whose tokens become a feature map again.

    Patches of the image, which overlap where `stride` is smaller than `patch`, become tokens by a
    convolution, and are told apart by learned embeddings of their positions, made for the size of
    the images that the core is built for. A block is attention and a small network on each token,
    each after layer normalisation and added to the tokens; of the last tokens batch normalisation
    and ELU make features, as in the published core. Attention takes time and memory with the square
    of the number of tokens, which `stride` sets: 435 for 36 x 64 pixels and a stride of 2.
    Source: Li et al. 2023, V1T, TMLR, arXiv 2302.03023, section 3; `v1t` is the core with behavior.

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        images: `(batch, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics and to drop features and
            branches.

    Returns:
        Features `(batch, (height - patch) // stride + 1, (width - patch) // stride + 1,
        channels)`.

    Raises:
        SensoriumError: If a setting is out of its range, channels cannot be divided among the
            heads, or an image is smaller than a patch.
    """

    class Config(config.Config):
        """Settings of the core."""

        channels: int = setting(64, "Features of a token, a multiple of heads.", at_least=1)
        patch: int = setting(8, "Height and width of a patch, in pixels.", at_least=1)
        stride: int = setting(
            2, "Pixels between the patches; 1 on a GPU, 2 or 4 on a CPU.", at_least=1
        )
        depth: int = setting(3, "Number of blocks.", at_least=0, at_most=1000)
        heads: int = setting(4, "Of the attention.", at_least=1)
        hidden: int = setting(128, "Units of the network on each token.", at_least=1)
        dropout: float = setting(
            0.0, "Share of a branch's features that training sets to zero.", at_least=0, below=1
        )
        drop_path: float = setting(
            0.0, "How often training leaves a branch out, for each image.", at_least=0, below=1
        )

        def __post_init__(self):
            super().__post_init__()
            if self.channels % self.heads:
                raise SensoriumError(
                    f"channels {self.channels}: cannot be divided among {self.heads} heads: use a "
                    "multiple"
                )

    penalty_label = "transformer"
    step_cost = 3.0
    training_options = ("dropout", "drop_path")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        options = self.config
        patch_seed, self._position_seed, *seeds = self.seeds(2 + options.depth)
        self.patches = convolution(
            options.channels,
            options.patch,
            seed=patch_seed,
            name="patches",
            padding="valid",
            strides=options.stride,
        )
        self.blocks = [
            TransformerBlock(
                options.channels,
                options.heads,
                options.hidden,
                dropout=options.dropout,
                drop_path=options.drop_path,
                seed=seed,
                name=f"block{number}",
            )
            for number, seed in enumerate(seeds, start=1)
        ]
        self.norm = batch_norm("norm")

    def build(self, input_shape):
        """Makes the weights for images of `input_shape`, `(batch, height, width, channels)`."""
        check_image_size(input_shape, self.config.patch, f"patch {self.config.patch}")
        self.patches.build(input_shape)
        batch, rows, columns, channels = self.compute_output_shape(input_shape)
        tokens = (batch, rows * columns, channels)
        self.positions = self.add_weight(
            name="positions",
            shape=tokens[1:],
            initializer=keras.initializers.TruncatedNormal(stddev=0.02, seed=self._position_seed),
        )
        for block in self.blocks:
            block.build(tokens)
        self.norm.build((batch, rows, columns, channels))

    def call(self, images, training=None):
        """Extracts the features of `(batch, height, width, channels)` images."""
        return self.levels(images, training=training)[-1]

    def levels(self, images, training=None):
        """Returns the tokens before each block, as maps, and the features."""
        tokens, size = self.tokens(images)
        found = [tokens, *chained(self.blocks, tokens, training)]
        return self.as_maps(found, size, training)

    def tokens(self, images):
        """Returns the tokens of images, `(batch, tokens, channels)`, and their rows and columns."""
        patches = self.patches(images)
        _, rows, columns, channels = patches.shape
        tokens = ops.reshape(patches, (-1, rows * columns, channels))
        return tokens + ops.cast(self.positions, tokens.dtype), (rows, columns)

    def as_maps(self, found: list, size: tuple[int, int], training=None) -> list:
        """Returns tokens as maps `(batch, rows, columns, channels)`; the last are the features."""
        maps = [ops.reshape(each, (-1, *size, self.config.channels)) for each in found]
        # Of the whole batch: of single tokens it would take away contrast.
        return [*maps[:-1], ops.elu(self.norm(maps[-1], training=training))]

    def compute_output_shape(self, input_shape, *_, **__):
        """Returns the shape of the features of images of `input_shape`."""
        return tuple(self.patches.compute_output_shape(input_shape))

    def first_layer(self):
        """Returns the kernels of the patches, `(height, width, channels, kernels)`."""
        return ops.convert_to_numpy(self.patches.kernel)
