"""Where context signals, such as behavior, are held while images change."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.data import Mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.derived import DERIVED
from sensorium_tf.specs import IMAGE, PAST_RESPONSES, InputSpec

#: Name of a context signal to its `(columns,)` values, as the model is given them.
State = Mapping[str, ArrayLike]


def held_state(
    inputs: InputSpec, n_neurons: int, state: State, median: Callable[[str], np.ndarray]
) -> dict[str, np.ndarray]:
    """Returns the values of one trial of each context signal that a model is given, float32.

    Past responses that the user did not choose are zero, as after trials in which each neuron did
    what it does on average.

    Args:
        inputs: What the model is given.
        n_neurons: Neurons of the mouse.
        state: The values that a user chose.
        median: Returns those of another signal that the user did not choose.

    Raises:
        SensoriumError: If the model is not given a signal, or a value has another shape.
    """
    shapes = {
        each.signal: each.shape(n_neurons)
        for each in (*inputs.channels, *inputs.extras)
        if each.signal != IMAGE and each.signal not in DERIVED
    }
    for name in state:
        if name not in shapes:
            raise SensoriumError(
                f"state: the model is not given {name!r}, only {inputs.describe()}"
            )
    held = {}
    for name, shape in shapes.items():
        if name in state:
            given = state[name]
        else:
            given = np.zeros(shape) if name == PAST_RESPONSES else median(name)
        values = np.asarray(given, np.float32)
        if values.shape != shape or not np.isfinite(values).all():
            raise SensoriumError(
                f"state: {name} needs {' x '.join(map(str, shape))} finite numbers. Received: "
                f"shape {values.shape}"
            )
        held[name] = values
    return held


def no_median(mouse: str, signal: str) -> SensoriumError:
    """Returns the error of a model whose recording, and so its medians, are not at hand."""
    return SensoriumError(
        f"{mouse}: at which {signal} is the experiment done? Give state={{{signal!r}: ...}}, or "
        "the run, whose recording tells the median"
    )


def training_median(recording: Mouse, signal: str, inputs: InputSpec) -> np.ndarray:
    """Returns the median of a signal over the training trials, as a model is given it.

    Raises:
        SensoriumError: If the recording withholds the signal.
    """
    trials = recording.trials("train")
    if signal not in trials.signals:
        raise SensoriumError(
            f"{recording.name}: {signal} is withheld in its recording: give "
            f"state={{{signal!r}: ...}}"
        )
    return np.median(trials.signal(signal, inputs), axis=0)
