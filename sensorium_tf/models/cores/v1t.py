"""A vision transformer that behavior enters in every block."""

from sensorium_tf.models.cores.vit import ViTCore
from sensorium_tf.models.ops.dropout import Dropout
from sensorium_tf.models.ops.transformer import dense
from sensorium_tf.registry import CORES


@CORES.register("v1t")
class V1TCore(ViTCore):
    """The vision transformer `vit` with a network of the animal's behavior before every block.

    Each block adds `tanh(W2 tanh(W1 b + b1) + b2)` of the behavior b to all tokens, with weights of
    its own, so that the state of the animal changes what the core computes. The core is given
    behavior by itself: stack the image alone (`--channels=image`).
    Source: Li et al. 2023, V1T, TMLR, arXiv 2302.03023, section 3.

    Args:
        **kwargs: As of `ViTCore`.

    Call arguments:
        images: `(batch, height, width, channels)`.
        signals: `{"behavior": (batch, columns)}`.
        training: As of `ViTCore`.

    Returns:
        Features as of `ViTCore`.

    Raises:
        SensoriumError: As of `ViTCore`.
    """

    inputs = ("behavior",)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        options = self.config
        # Those of the transformer come first.
        seeds = iter(self.seeds(2 + 4 * options.depth)[2 + options.depth :])
        self.networks = [
            [
                dense(options.channels, seed=next(seeds), name=f"in{number}", activation="tanh"),
                Dropout(options.dropout, seed=next(seeds), name=f"dropout{number}"),
                dense(options.channels, seed=next(seeds), name=f"out{number}", activation="tanh"),
            ]
            for number in range(1, options.depth + 1)
        ]

    def build(self, images_shape, signals_shape):
        """Makes the weights for images and `{"behavior": (batch, columns)}`."""
        super().build(images_shape)
        for network in self.networks:
            shape = signals_shape["behavior"]
            for layer in network:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)

    def call(self, images, signals, training=None):
        """Extracts the features of images, given the animal's behavior."""
        return self.levels(images, signals, training=training)[-1]

    def levels(self, images, signals, training=None):
        """Returns the tokens before each block, as maps, and the features."""
        tokens, size = self.tokens(images)
        found = [tokens]
        for (into, drop, out), block in zip(self.networks, self.blocks, strict=True):
            state = out(drop(into(signals["behavior"]), training=training))
            tokens = block(tokens + state[:, None, :], training=training)
            found.append(tokens)
        return self.as_maps(found, size, training)
