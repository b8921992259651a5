"""Whether a part pays what training takes."""

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import PartBase
from sensorium_tf.registry import custom_code


def check_payments(name: str, part: PartBase) -> None:
    """Checks what a part pays besides the loss.

    Args:
        name: Of the part, for messages.
        part: After a call in training.

    Raises:
        SensoriumError: If its penalty is not a finite scalar, or a layer in it adds a loss.
    """
    with custom_code(f"{name}: its penalty"):
        penalty = np.asarray(_numbers(part.penalty()))
        regularizers = [w for w in part.trainable_variables if w.regularizer is not None]
        paid = [np.asarray(_numbers(weight.regularizer(weight))) for weight in regularizers]
    for each in (penalty, *paid):
        if each.shape:
            raise SensoriumError(f"{name}: a penalty has shape {each.shape}, expected a scalar")
        if not np.isfinite(each):
            raise SensoriumError(f"{name}: a penalty is {float(each)}")
    if len(part.losses) > len(regularizers):
        raise SensoriumError(
            f"{name}: a layer in it adds a loss (by add_loss or an activity_regularizer) that "
            "training leaves out: return it from the method penalty instead, or give the weights "
            "a regularizer"
        )


def _numbers(values):
    from keras import ops

    return ops.convert_to_numpy(ops.cast(values, "float32"))
