"""From drives to rates."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="sensorium_tf")
def firing_rate(drive):
    """Turns drives into firing rates: `elu(drive) + 1`, positive and linear above 1."""
    # Full precision also under mixed precision: small rates are differences from -1.
    return ops.elu(ops.cast(drive, "float32")) + 1.0
