"""The fully connected layer that the position network and the shifter are made of."""

import math

import keras

from sensorium_tf.models.ops.seeds import spawn_seeds


def linear(units: int, *, fan_in: int, activation: str, seed: int | None, name: str, dtype=None):
    """Makes a dense layer that starts as the published networks' layers do.

    Weights and biases alike are drawn from U(-1/sqrt(fan_in), 1/sqrt(fan_in)), PyTorch's habit;
    Keras would start the biases at zero and the weights wider.

    Args:
        units: Outputs of the layer.
        fan_in: Inputs of the layer, which the bias cannot know by itself.
        activation: Name of the Keras activation after it.
        seed: Seed of the initial weights, or `None`.
        name: Name of the layer.
        dtype: Keras dtype policy of the layer; the global one by default.

    Returns:
        An unbuilt `keras.layers.Dense`.
    """
    bound = 1.0 / math.sqrt(fan_in)
    kernel_seed, bias_seed = spawn_seeds(seed, 2)
    return keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer=keras.initializers.RandomUniform(-bound, bound, seed=kernel_seed),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound, seed=bias_seed),
        name=name,
        dtype=dtype,
    )
