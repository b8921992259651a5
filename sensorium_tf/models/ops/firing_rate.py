"""From drives to rates."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="sensorium_tf")
def firing_rate(drive):
    """Turns drives into firing rates: `elu(drive) + 1`, positive and linear above 1."""
    # Full precision also under mixed precision: small rates are differences from -1.
    return ops.elu(ops.cast(drive, "float32")) + 1.0


def drive_of(rates: np.ndarray) -> np.ndarray:
    """Returns the drives of positive rates, the inverse of `firing_rate`."""
    return np.where(rates < 1.0, np.log(rates), rates - 1.0)
