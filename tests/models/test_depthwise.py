"""Depthwise convolutions and their gradients equal Keras's own, whichever way they are computed."""

import keras
import numpy as np
import pytest
from keras import ops

from sensorium_tf.models.ops.depthwise import DepthwiseConv2D, convolve_depthwise


def plain(maps, kernel):
    return ops.depthwise_conv(maps, kernel, padding="same", data_format="channels_last")


@pytest.mark.parametrize("images", [1, 8, 19])
@pytest.mark.parametrize("size", [(7, 7), (5, 5), (6, 5), (3, 3)])
def test_values_and_gradients_equal_the_plain_ones(rng, gradients, to_numpy, images, size):
    maps = rng.standard_normal((images, 9, 12, 4)).astype("float32")
    kernel = rng.standard_normal((*size, 4, 1)).astype("float32")
    upstream = rng.standard_normal(maps.shape).astype("float32")
    np.testing.assert_allclose(
        to_numpy(convolve_depthwise(maps, kernel)), to_numpy(plain(maps, kernel)), atol=1e-5
    )

    def slopes(function):
        return gradients(lambda *of: ops.sum(function(*of) * upstream), maps, kernel)

    for found, expected in zip(slopes(convolve_depthwise), slopes(plain), strict=True):
        # Sums of some 2,000 products, in another order.
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_layer_is_the_keras_layer(rng, to_numpy):
    maps = rng.standard_normal((2, 8, 9, 3)).astype("float32")
    ours = DepthwiseConv2D(7, padding="same", use_bias=False)
    theirs = keras.layers.DepthwiseConv2D(7, padding="same", use_bias=False)
    ours.build(maps.shape)
    theirs.build(maps.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(to_numpy(ours(maps)), to_numpy(theirs(maps)), atol=1e-5)
    assert ours.get_config().keys() == theirs.get_config().keys()


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's gradient")
def test_on_processors_large_kernels_of_float32_get_the_fast_gradient(rng):
    import tensorflow as tf

    from sensorium_tf.models.ops import depthwise_gradient

    def names(dtype, size):
        maps = tf.zeros((2, 9, 9, 3), dtype)
        kernel = tf.zeros((size, size, 3, 1), dtype)

        @tf.function(autograph=False)
        def slope(maps, kernel):
            with tf.GradientTape() as tape:
                tape.watch(kernel)
                value = tf.reduce_sum(convolve_depthwise(maps, kernel))
            return tape.gradient(value, kernel)

        graph = slope.get_concrete_function(maps, kernel).graph
        return {operation.type for operation in graph.get_operations()}

    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    slow = "DepthwiseConv2dNativeBackpropFilter"
    assert (slow in names(tf.float32, 7)) == on_gpu
    assert slow in names(tf.float32, 3)
    assert slow in names(tf.bfloat16, 7)
    assert depthwise_gradient.gains(tf.zeros((2, 9, 9, 3)), tf.zeros((7, 7, 3, 1))) == (not on_gpu)
