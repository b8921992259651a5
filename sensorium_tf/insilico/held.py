"""Where context signals, such as behavior, are held while images or movies change."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from sensorium_tf.data import Mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.derived import DERIVED
from sensorium_tf.specs import PAST_RESPONSES, InputSpec

#: Name of a context signal to its `(columns,)` values, as the model is given them.
State = Mapping[str, ArrayLike]


def held_state(
    inputs: InputSpec,
    n_neurons: int,
    state: State,
    medians: Callable[[Collection[str]], Mapping[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Returns each context signal that a model is given, of one trial or frame, float32.

    Past responses that the user did not choose are zero, as after trials in which each neuron did
    what it does on average.

    Args:
        inputs: What the model is given.
        n_neurons: Neurons of the mouse.
        state: The values that a user chose.
        medians: Returns those of other signals that the user did not choose.

    Raises:
        SensoriumError: If the model is not given a signal, or a value has another shape.
    """
    shapes = {
        each.signal: each.shape(n_neurons)
        for each in (*inputs.channels, *inputs.extras)
        if each.signal != inputs.stimulus and each.signal not in DERIVED
    }
    for name in state:
        if name not in shapes:
            raise SensoriumError(
                f"state: the model is not given {name!r}, only {inputs.describe()}"
            )
    given = {PAST_RESPONSES: np.zeros(shapes.get(PAST_RESPONSES, ())), **state}
    if left := [name for name in shapes if name not in given]:
        given |= medians(left)
    held = {}
    for name, shape in shapes.items():
        values = np.asarray(given[name], np.float32)
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


def training_medians(
    recording: Mouse, signals: Collection[str], inputs: InputSpec
) -> dict[str, np.ndarray]:
    """Returns the medians of signals over the training trials, or their frames.

    Args:
        recording: Of movies each trial is read once.
        signals: Which.
        inputs: How a model is given them.

    Raises:
        SensoriumError: If the recording withholds a signal.
    """
    recorded = {each.name for each in recording.spec.context} - {*recording.withheld_signals}
    for signal in signals:
        if signal not in recorded:
            raise SensoriumError(
                f"{recording.name}: {signal} is withheld in its recording: give "
                f"state={{{signal!r}: ...}}"
            )
    trials = recording.trials(recording.challenge.training_tier)
    parts = trials if inputs.time else [trials]
    found = [{name: part.signal(name, inputs) for name in signals} for part in parts]
    return {
        name: np.median(np.concatenate([each[name] for each in found]), axis=0) for name in signals
    }


def model_inputs(images: tf.Tensor, inputs: InputSpec, state: Mapping[str, np.ndarray]) -> dict:
    """Returns what a model is called with: images or movies, and beside them the held signals.

    Args:
        images: `(images, height, width, channels)` or `(movies, frames, height, width, channels)`.
        inputs: What the model is given.
        state: As of `held_state`.
    """
    places, trials = tf.shape(images)[:-1], tf.shape(images)[:-3]

    def everywhere(signal: str, leading: tf.Tensor) -> tf.Tensor:
        values = state[signal]
        return tf.broadcast_to(values, tf.concat([leading, values.shape], 0))

    def channels(signal: str) -> tf.Tensor:
        if signal == inputs.stimulus:
            return images
        return DERIVED[signal](images) if signal in DERIVED else everywhere(signal, places)

    stacked = [channels(each.signal) for each in inputs.channels]
    extras = {each.signal: everywhere(each.signal, trials) for each in inputs.extras}
    return {inputs.stimulus: tf.concat(stacked, axis=-1), **extras}
