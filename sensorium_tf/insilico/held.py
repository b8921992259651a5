"""Where context signals, such as behavior, are held while images change."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.data import Mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import CENTRED_IMAGE, IMAGE, InputSpec

#: Name of a context signal to its `(columns,)` values, as the model is given them.
State = Mapping[str, ArrayLike]


def held_state(
    inputs: InputSpec, state: State, median: Callable[[str], np.ndarray]
) -> dict[str, np.ndarray]:
    """Returns the value `(columns,)` of each context signal that a model is given, float32.

    Args:
        inputs: What the model is given.
        state: The values that a user chose.
        median: Returns the value of a signal that the user did not choose.

    Raises:
        SensoriumError: If the model is not given a signal, or a value has another shape.
    """
    sizes = {
        each.signal: each.size
        for each in (*inputs.channels, *inputs.extras)
        if each.signal not in (IMAGE, CENTRED_IMAGE)
    }
    for name in state:
        if name not in sizes:
            raise SensoriumError(
                f"state: the model is not given {name!r}, only {inputs.describe()}"
            )
    held = {}
    for name, size in sizes.items():
        values = np.asarray(state[name] if name in state else median(name), np.float32)
        if values.shape != (size,) or not np.isfinite(values).all():
            raise SensoriumError(
                f"state: {name} needs {size} finite numbers. Received: shape {values.shape}"
            )
        held[name] = values
    return held


def no_median(mouse: str, signal: str) -> SensoriumError:
    """Returns the error of a model whose recording, and so its medians, are not at hand."""
    return SensoriumError(
        f"{mouse}: at which {signal} is the experiment done? Give state={{{signal!r}: ...}}, or "
        "the run, whose recording tells the median"
    )


def training_median(recording: Mouse, signal: str) -> np.ndarray:
    """Returns the median `(columns,)` of a signal over the training trials.

    Raises:
        SensoriumError: If the recording withholds the signal.
    """
    signals = recording.trials("train").signals
    if signal not in signals:
        raise SensoriumError(
            f"{recording.name}: {signal} is withheld in its recording: give "
            f"state={{{signal!r}: ...}}"
        )
    return np.median(signals[signal], axis=0)
