"""Our batch normalisation is Keras's, only faster."""

import keras
import numpy as np
import pytest
from keras import ops

from sensorium_tf.models import BatchNorm


def pair(shape, rng, **arguments):
    """Our layer and Keras's with the same weights, none of them at its initial value."""
    layers = [kind(**arguments) for kind in (BatchNorm, keras.layers.BatchNormalization)]
    for layer in layers:
        layer.build(shape)
    weights = [rng.uniform(0.5, 2.0, weight.shape) for weight in layers[0].get_weights()]
    for layer in layers:
        layer.set_weights(weights)
    return layers


# With epsilon 0.1 the small batch makes any other epsilon or variance visible.
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [{"momentum": 0.1, "epsilon": 1e-5}, {"epsilon": 0.1}, {"scale": False, "center": False}],
)
@pytest.mark.parametrize("shape", [(2, 3, 2, 4), (9, 4)])
def test_outputs_state_and_gradients_equal_keras(
    shape, arguments, training, rng, gradients, to_numpy
):
    ours, keras_layer = pair(shape, rng, **arguments)
    inputs = rng.normal(3.0, 0.3, size=shape).astype("float32")
    weights = rng.normal(size=shape).astype("float32")
    expected = keras_layer(inputs, training=training)
    np.testing.assert_allclose(
        to_numpy(ours(inputs, training=training)), to_numpy(expected), atol=2e-5
    )
    for got, want in zip(ours.get_weights(), keras_layer.get_weights(), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)
    weights = ops.convert_to_tensor(weights)
    slopes = [
        gradients(lambda x, layer=layer: ops.sum(layer(x, training=training) * weights), inputs)[0]
        for layer in (ours, keras_layer)
    ]
    np.testing.assert_allclose(*slopes, atol=1e-4)


def test_a_frozen_layer_keeps_its_running_statistics(rng, to_numpy):
    ours, keras_layer = pair((2, 3, 2, 4), rng)
    ours.trainable = keras_layer.trainable = False
    inputs = rng.normal(size=(2, 3, 2, 4)).astype("float32")
    before = ours.get_weights()
    np.testing.assert_allclose(
        to_numpy(ours(inputs, training=True)),
        to_numpy(keras_layer(inputs, training=True)),
        atol=1e-5,
    )
    for was, now in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)


def test_the_epsilon_is_the_published_one(to_numpy):
    layer = BatchNorm(epsilon=1e-5)
    inputs = np.full((1, 1, 2, 1), 0.01, "float32")
    layer.build(inputs.shape)
    layer.moving_variance.assign([0.0])
    np.testing.assert_allclose(to_numpy(layer(inputs)), 0.01 / np.sqrt(1e-5), rtol=1e-5)
