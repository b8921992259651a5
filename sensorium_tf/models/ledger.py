"""What the parts of a model pay besides the loss: one account for `fit` and for training runs."""

from collections.abc import Mapping
from typing import Any

from keras import ops

from sensorium_tf.models.base import PartBase


def ledger(passes: Mapping[PartBase, int]) -> dict[str, Any]:
    """Returns what some parts pay, by their labels.

    Args:
        passes: Part to how often it is passed, by which its method `penalty` counts; regularizers
            of its weights count once, as Keras counts them.

    Returns:
        Label to scalar, float32, in the order of the parts.
    """
    paid: dict[str, Any] = {}
    for part, number in passes.items():
        paid.setdefault(part.penalty_label, ops.zeros(()))
        if number:
            paid[part.penalty_label] += number * ops.cast(part.penalty(), "float32")
    seen = set()
    for part in passes:
        for weight in part.trainable_variables:
            if weight.regularizer is not None and id(weight) not in seen:
                seen.add(id(weight))
                paid[part.penalty_label] += ops.cast(weight.regularizer(weight), "float32")
    return paid
