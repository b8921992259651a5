"""Convolutions of patches that hold all that is seen, so that no zeros are put around them."""

from collections.abc import Callable

import keras
from keras import ops

from sensorium_tf.models.ops.depthwise import DepthwiseConv2D
from sensorium_tf.models.ops.stem import StemConvolution

# Layers of these classes alone: a subclass may compute something else.
_KNOWN = (
    keras.layers.Conv2D,
    StemConvolution,
    keras.layers.DepthwiseConv2D,
    DepthwiseConv2D,
)
# Of so few channels a gradient takes many times what that of more takes: its kernels are filled up.
_FEW_CHANNELS = 8


def is_convolution(layer: Callable) -> bool:
    """Tells whether `unpadded` knows how a layer computes."""
    return (
        type(layer) in _KNOWN
        and layer.data_format == "channels_last"
        and getattr(layer, "groups", 1) == 1
        and set(layer.dilation_rate) == {1}
    )


def unpadded(layer: Callable, features):
    """Applies a convolution to features as if its padding were `valid`.

    Results differ from the layer's own by rounding; their gradients are faster.

    Args:
        layer: One that `is_convolution` knows.
        features: `(batch, height, width, channels)`.
    """
    features, kernel = (ops.cast(each, layer.compute_dtype) for each in (features, layer.kernel))
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        convolve = ops.depthwise_conv
    else:
        convolve = ops.conv
        if kernel.shape[2] <= _FEW_CHANNELS and set(layer.strides) == {1}:
            features, kernel = _columns_as_channels(features, kernel)
    features = convolve(
        features, kernel, strides=layer.strides, padding="valid", data_format="channels_last"
    )
    if layer.use_bias:
        features += ops.cast(layer.bias, layer.compute_dtype)
    return layer.activation(features)


def _columns_as_channels(features, kernel):
    """Returns features and kernel, whose convolution is the same, with kernels one column wide."""
    height, width, n_channels, n_kernels = kernel.shape
    n_columns = features.shape[2] - width + 1
    shifted = [features[:, :, first : first + n_columns] for first in range(width)]
    return (
        ops.concatenate(shifted, axis=-1),
        ops.reshape(kernel, (height, 1, width * n_channels, n_kernels)),
    )
