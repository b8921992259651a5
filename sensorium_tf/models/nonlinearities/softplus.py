"""A softplus whose slope each neuron learns."""

import numpy as np
from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.models.nonlinearity import NonlinearityBase
from sensorium_tf.registry import NONLINEARITIES


@NONLINEARITIES.register("softplus")
class SoftplusNonlinearity(NonlinearityBase):
    """Makes rates `log(1 + exp(s d)) / s` of the drives d, with a slope s of each neuron.

    Of large drives the rate is the drive itself, whatever the slope; the slope says how sharply the
    rate bends towards 0. It is `exp` of a weight, so that it stays positive.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        drive: `(batch, n_neurons)`.

    Returns:
        `(batch, n_neurons)` positive rates, float32.

    Raises:
        SensoriumError: If a setting is out of its range.
    """

    class Config(config.Config):
        """Settings of the nonlinearity."""

        slope: float = setting(1.0, "Slope at the start, of all neurons.", above=0)

    def build(self, input_shape):
        """Creates the weights for drives of `input_shape`, `(batch, n_neurons)`."""
        self.log_slope = self.add_weight(
            name="log_slope",
            shape=(self.n_neurons,),
            initializer=lambda shape, dtype: ops.full(shape, np.log(self.config.slope), dtype),
        )

    def call(self, drive):
        """Turns drives `(batch, n_neurons)` into rates."""
        # Full precision also under mixed precision: small rates would be rounded away.
        slope = ops.exp(ops.cast(self.log_slope, "float32"))
        return ops.softplus(ops.cast(drive, "float32") * slope) / slope

    def inverse(self, rates):
        """Returns the drives `(n_neurons,)` of positive rates."""
        slope = np.exp(ops.convert_to_numpy(self.log_slope).astype("float64"))
        scaled = slope * np.asarray(rates, "float64")
        # The logarithm of exp(scaled) - 1, which does not overflow.
        return (scaled + np.log(-np.expm1(-scaled))) / slope
