"""The first convolution of images to which behavior is stacked."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from sensorium_tf.models.ops import stem_convolution
from sensorium_tf.models.ops.stem import StemConvolution

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
pytestmark = pytest.mark.skipif(not ON_TENSORFLOW, reason="a layer of TensorFlow's alone")
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
def test_it_is_the_convolution_of_keras_whatever_the_channels_hold(
    layer, rng, kind, compiled, monkeypatch
):
    plain = keras.layers.Conv2D(N_KERNELS, 3, use_bias=False, padding="valid")
    plain.build((None, 7, 9, 4))
    plain.set_weights(layer.get_weights())
    images = images_of(rng, kind)
    upstream = rng.normal(size=(2, 5, 7, N_KERNELS)).astype("float32")
    monkeypatch.setattr(stem_convolution, "gains", lambda images: True)
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
        stem_convolution.convolve(images_of(rng, kind), layer.kernel)
    assert seen == [1, 4]


def test_only_images_with_more_channels_on_processors_are_convolved_so():
    on_gpu = bool(tf.config.list_logical_devices("GPU"))
    assert stem_convolution.gains(tf.zeros((2, 7, 9, 4))) == (not on_gpu)
    assert not stem_convolution.gains(tf.zeros((2, 7, 9, 1)))
    assert not stem_convolution.gains(tf.zeros((2, 7, 9, 4), tf.bfloat16))


@pytest.mark.parametrize(
    "options", [{"padding": "same"}, {"use_bias": True}, {"strides": 2}, {"activation": "relu"}]
)
def test_its_options_are_those_of_keras(options, rng):
    images = images_of(rng, "behavior")
    ours, theirs = (
        kind(N_KERNELS, 3, bias_initializer="ones", **options)
        for kind in (StemConvolution, keras.layers.Conv2D)
    )
    ours.build(images.shape)
    theirs.build(images.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(images), theirs(images), rtol=1e-4, atol=1e-5)
