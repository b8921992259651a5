"""Layers of a vision transformer."""

import keras
from keras import ops

from sensorium_tf.models.ops.dropout import Dropout
from sensorium_tf.models.ops.seeds import spawn_seeds


def dense(units: int, *, seed: int | None, name: str, activation: str = "linear"):
    """Makes a fully connected layer with seeded weights and biases of zero.

    Args:
        units: Outputs of the layer.
        seed: Seed of the initial weights, or `None`.
        name: Name of the layer.
        activation: Name of the Keras activation after it.

    Returns:
        An unbuilt `keras.layers.Dense`.
    """
    initializer = keras.initializers.GlorotUniform(seed=seed)
    return keras.layers.Dense(
        units, activation=activation, kernel_initializer=initializer, name=name
    )


class SelfAttention(keras.layers.Layer):
    """Attention of several heads among the tokens of an image.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.2.

    Args:
        width: Features of a token, a multiple of `heads`.
        heads: Number of heads, which share the features equally.
        seed: Seed of the initial weights, or `None`.
        name: Name of the layer.

    Call arguments:
        tokens: `(batch, tokens, width)`.

    Returns:
        `(batch, tokens, width)`.
    """

    def __init__(self, width: int, heads: int, *, seed: int | None, name: str):
        super().__init__(name=name)
        self.width, self.heads = width, heads
        into, out = spawn_seeds(seed, 2)
        self.into = dense(3 * width, seed=into, name="into")
        self.out = dense(width, seed=out, name="out")

    def build(self, input_shape):
        """Makes the weights for tokens of `input_shape`, `(batch, tokens, width)`."""
        self.into.build(input_shape)
        self.out.build(input_shape)

    def call(self, tokens):
        """Mixes the tokens `(batch, tokens, width)`."""
        n_tokens = tokens.shape[1]
        each = (-1, n_tokens, 3, self.heads, self.width // self.heads)
        query, key, value = ops.unstack(ops.reshape(self.into(tokens), each), 3, axis=2)
        mixed = ops.dot_product_attention(query, key, value)
        return self.out(ops.reshape(mixed, (-1, n_tokens, self.width)))

    def compute_output_shape(self, input_shape):
        """Returns the shape of the tokens."""
        return input_shape


class TransformerBlock(keras.layers.Layer):
    """Attention, then a small network on each token; both are added to what they were given.

    Layer normalisation precedes both (Xiong et al. 2020, arXiv 2002.04745). Source: Dosovitskiy et
    al. 2021, arXiv 2010.11929, equations 2 and 3.

    Args:
        width: Features of a token, a multiple of `heads`.
        heads: Of the attention.
        hidden: Units of the small network's hidden layer.
        dropout: Share of the features of either branch that training sets to zero.
        drop_path: How often training leaves a branch out, for each image.
        seed: Seed of the initial weights and of the noise, or `None`.
        name: Name of the layer.

    Call arguments:
        tokens: `(batch, tokens, width)`.
        training: Whether to drop features and branches.

    Returns:
        `(batch, tokens, width)`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int,
        *,
        dropout: float,
        drop_path: float,
        seed: int | None,
        name: str,
    ):
        super().__init__(name=name)
        seeds = iter(spawn_seeds(seed, 7))
        attention = SelfAttention(width, heads, seed=next(seeds), name="attention")
        wide = dense(hidden, seed=next(seeds), name="wide", activation="gelu")
        narrow = dense(width, seed=next(seeds), name="narrow")
        self.branches = [[attention], [wide, narrow]]
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-6, name=f"norm{number}") for number in (1, 2)
        ]
        self.drops = [
            [
                Dropout(dropout, seed=next(seeds), name=f"dropout{number}"),
                Dropout(drop_path, whole_images=True, seed=next(seeds), name=f"path{number}"),
            ]
            for number in (1, 2)
        ]

    def build(self, input_shape):
        """Makes the weights for tokens of `input_shape`, `(batch, tokens, width)`."""
        for norm, branch in zip(self.norms, self.branches, strict=True):
            norm.build(input_shape)
            shape = input_shape
            for layer in branch:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)

    def call(self, tokens, training=None):
        """Computes the tokens of `(batch, tokens, width)`."""
        for norm, branch, drops in zip(self.norms, self.branches, self.drops, strict=True):
            inner = norm(tokens)
            for layer in branch:
                inner = layer(inner)
            for drop in drops:
                inner = drop(inner, training=training)
            tokens = tokens + inner
        return tokens

    def compute_output_shape(self, input_shape):
        """Returns the shape of the tokens."""
        return input_shape
