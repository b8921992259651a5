"""The first convolution of images to which behavior is stacked."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sensorium_tf.models.ops import stem_convolution
from sensorium_tf.models.ops.stem import StemConvolution

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="a layer that differs on TensorFlow alone"
)
N_KERNELS = 5


@pytest.fixture
def layer():
    layer = StemConvolution(N_KERNELS, 3, use_bias=False, padding="valid")
    layer.build((None, 7, 9, 4))
    return layer


def images_of(rng, kind):
    images = rng.normal(size=(2, 7, 9, 4)).astype("float32")
    if kind != "images":
        images[..., 1:] = images[:, 3:4, 4:5, 1:]
    if kind == "behavior but for a pixel":
        images[1, 6, 8, 3] += 1.0
    return images


def filtered(layer, images, upstream):
    """Returns what a layer gives, and the gradients of its images and its kernel."""
    images = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        features = layer(images)
    gradients = tape.gradient(
        features, [images, layer.kernel.value], output_gradients=tf.convert_to_tensor(upstream)
    )
    return [features, *gradients]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kind", ["images", "behavior", "behavior but for a pixel"])
def test_it_is_the_convolution_of_keras_whatever_the_channels_hold(layer, rng, kind, compiled):
    plain = keras.layers.Conv2D(N_KERNELS, 3, use_bias=False, padding="valid")
    plain.build((None, 7, 9, 4))
    plain.set_weights(layer.get_weights())
    images = images_of(rng, kind)
    upstream = rng.normal(size=(2, 5, 7, N_KERNELS)).astype("float32")
    work = tf.function(filtered) if compiled else filtered
    for ours, theirs in zip(
        work(layer, images, upstream), filtered(plain, images, upstream), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_channels_of_one_value_are_not_convolved(layer, rng, monkeypatch):
    seen = []
    convolve = tf.nn.conv2d
    monkeypatch.setattr(
        stem_convolution.tf.nn, "conv2d", lambda x, *a: seen.append(x.shape[-1]) or convolve(x, *a)
    )
    for kind in ("behavior", "images"):
        layer(images_of(rng, kind))
    assert seen == [1, 4]


def test_images_alone_go_the_way_of_keras():
    assert not stem_convolution.gains(np.zeros((2, 7, 9, 1), "float32"))
    assert not stem_convolution.gains(tf.zeros((2, 7, 9, 4), tf.bfloat16))
