"""Convolutions and normalisation with the habits of the published core."""

from collections.abc import Iterator

import keras

from sensorium_tf.models.ops.batch_norm import BatchNorm
from sensorium_tf.models.ops.depthwise import DepthwiseConv2D


def xavier_normal(seed: int | None):
    """Returns the initializer of all kernels: normal, variance 2 / (fan_in + fan_out)."""
    # Keras's GlorotNormal truncates the distribution, the published networks' does not.
    return keras.initializers.VarianceScaling(
        scale=1.0, mode="fan_avg", distribution="untruncated_normal", seed=seed
    )


def convolution(
    channels: int,
    kernel: int,
    *,
    seed: int | None,
    name: str,
    padding: str = "same",
    strides: int = 1,
    use_bias: bool = False,
    layer: type[keras.layers.Conv2D] = keras.layers.Conv2D,
):
    """Makes a convolution, without bias unless it is asked for.

    Args:
        channels: Of the result.
        kernel: Height and width of the kernels, in pixels.
        seed: Seed of the initial weights, or `None`.
        name: Name of the layer.
        padding: `same` (zeros around the map) or `valid`.
        strides: Pixels of the map that each pixel of the result stands for, along each axis.
        use_bias: Whether a bias of each channel is added, which starts at zero.
        layer: Class of the layer.

    Returns:
        The unbuilt layer.
    """
    return layer(
        channels,
        kernel,
        strides=strides,
        padding=padding,
        use_bias=use_bias,
        data_format="channels_last",
        kernel_initializer=xavier_normal(seed),
        name=name,
    )


def depthwise(kernel: int, *, seed: int | None, name: str):
    """Makes a depthwise convolution without bias, which keeps the size of the map.

    Args:
        kernel: Height and width of the kernels, in pixels.
        seed: Seed of the initial weights, or `None`.
        name: Name of the layer.

    Returns:
        An unbuilt `DepthwiseConv2D`.
    """
    return DepthwiseConv2D(
        kernel,
        padding="same",
        use_bias=False,
        data_format="channels_last",
        depthwise_initializer=xavier_normal(seed),
        name=name,
    )


def depth_separable(channels: int, kernel: int, *, seeds: Iterator[int | None], name: str) -> list:
    """Makes a 1x1, a depthwise and a second 1x1 convolution, to be called one after another.

    Args:
        channels: Of all three.
        kernel: Height and width of the depthwise kernels, in pixels.
        seeds: Three are taken, in the order of the layers.
        name: With which the layers' names begin.
    """
    return [
        convolution(channels, 1, seed=next(seeds), name=f"{name}_in", padding="valid"),
        depthwise(kernel, seed=next(seeds), name=f"{name}_spatial"),
        convolution(channels, 1, seed=next(seeds), name=f"{name}_out", padding="valid"),
    ]


def batch_norm(name: str, *, momentum: float = 0.1, affine: bool = True) -> BatchNorm:
    """Makes the batch normalisation that follows a convolution.

    Args:
        name: Name of the layer.
        momentum: Share of the old running value that is kept; a tenth as in the published core of
            images, so that the value is nearly the last batch's.
        affine: Whether it learns a scale and an offset, of which a linear layer that follows has
            no need.
    """
    return BatchNorm(momentum=momentum, epsilon=1e-5, scale=affine, center=affine, name=name)


def depthwise_supports_jit() -> bool:
    """Tells whether Keras may choose XLA for a layer with depthwise convolutions.

    XLA's on CPUs takes 25 times as long as TensorFlow's own, and Keras would choose it by itself.
    """
    return keras.backend.backend() != "tensorflow"
