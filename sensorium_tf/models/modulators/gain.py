"""A gain of every neuron that the animal's state sets."""

import keras
from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.models.base import ModulatorBase
from sensorium_tf.models.ops.linear import linear
from sensorium_tf.registry import MODULATORS


@MODULATORS.register("gain")
class GainModulator(ModulatorBase):
    """Multiplies each neuron's rate by a gain that follows behavior.

    `rate * (elu(W2 tanh(W1 b + b1) + b2) + 1)` of the behavior b. W2 and b2 start at zero, so that
    a new modulator leaves all rates as they are.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        rates: `(batch, n_neurons)`.
        signals: `{"behavior": (batch, columns)}`.

    Returns:
        `(batch, n_neurons)` rates.

    Raises:
        SensoriumError: If an argument is out of its range.
    """

    class Config(config.Config):
        """Settings of the modulator."""

        hidden_units: int = setting(8, "Units of the hidden layer.", at_least=1)

    inputs = ("behavior",)
    neuron_by_neuron = True

    def build(self, rates_shape, signals_shape):
        """Makes the weights for the columns of behavior, `{"behavior": (batch, columns)}`."""
        columns, hidden = signals_shape["behavior"][-1], self.config.hidden_units
        (seed,) = self.seeds(1)
        self.hidden = linear(hidden, fan_in=columns, activation="tanh", seed=seed, name="hidden")
        self.gain = keras.layers.Dense(
            self.n_neurons, activation="elu", kernel_initializer="zeros", name="gain"
        )
        self.hidden.build((None, columns))
        self.gain.build((None, hidden))

    def call(self, rates, signals, training=None):
        """Multiplies rates `(batch, n_neurons)` by their gains."""
        gain = self.gain(self.hidden(signals["behavior"]))
        return rates * (ops.cast(gain, rates.dtype) + 1.0)
