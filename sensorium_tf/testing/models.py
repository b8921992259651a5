"""Whether a model can be trained, saved and used."""

import json
from collections.abc import Mapping

import keras
import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.model import FiringRateModel
from sensorium_tf.models.windows import WindowedRates
from sensorium_tf.registry import custom_code
from sensorium_tf.specs import InputSpec
from sensorium_tf.testing.files import saved_and_loaded
from sensorium_tf.testing.payments import check_payments

# Movies of so many frames more than get no rates.
_FRAMES = 3


def check_model(model: FiringRateModel) -> None:
    """Checks a model as every training run of a custom one does before it reads data.

    The model is called, saved and loaded again, called in training, compiled for batches of any
    size, and what it pays is looked at. It stays as it is.

    Args:
        model: Of any parts.

    Raises:
        SensoriumError: If anything of it goes wrong; the text says what.
    """
    if not isinstance(model, FiringRateModel):
        raise SensoriumError(f"expected a FiringRateModel. Received: {type(model).__name__}")
    name = f"model {model.name}"
    batch = example_batch(model, 2)
    with custom_code(f"{name}: a call"):
        rates = model(batch, training=False)
    _check_rates(name, model, rates, 2)
    _check_windows(name, model, batch, rates)
    copy = saved_and_loaded(name, model, batch)
    if json.dumps(copy.get_config()) != json.dumps(model.get_config()):
        raise SensoriumError(f"{name}: is another one when it is saved and loaded again")
    for n_trials in (2, 1):
        batch = example_batch(model, n_trials)
        with custom_code(f"{name}: a call in training"):
            rates = copy(batch, training=True)
        _check_rates(f"{name}, in training,", model, rates, n_trials)
    for part in copy.parts:
        check_payments(f"{name}: {part.name}", part)
    _check_trace(name, copy)


def example_batch(model: FiringRateModel, n_trials: int) -> dict[str, dict[str, np.ndarray]]:
    """Returns noise in the place of the mice's signals: of a blank image a loss may be zero.

    Args:
        model: Of some mice.
        n_trials: How many images, or movies, of each.
    """
    n_frames = model.lost_frames + _FRAMES
    return {
        mouse: example_signals(
            model.inputs, n_trials, n_neurons=readout.n_neurons, n_frames=n_frames
        )
        for mouse, readout in model.readouts.items()
    }


def example_signals(
    inputs: InputSpec, n_trials: int, *, n_neurons: int | None = None, n_frames: int | None = None
) -> dict[str, np.ndarray]:
    """Returns noise in the place of one mouse's signals.

    Args:
        inputs: What the model is given.
        n_trials: How many images, or movies.
        n_neurons: Of the mouse; needed where the model is given past responses.
        n_frames: Of each movie; needed where the model is given movies.
    """
    rng = np.random.default_rng(0)
    shapes = {
        name: (n_frames, *shape[1:]) if inputs.time else shape
        for name, shape in inputs.signal_shapes(n_neurons).items()
    }
    return {
        name: rng.normal(size=(n_trials, *shape)).astype("float32")
        for name, shape in shapes.items()
    }


def _check_rates(name: str, model: FiringRateModel, rates: Mapping, n_trials: int) -> None:
    stimulus = model.inputs.stimulus
    for mouse, readout in model.readouts.items():
        frames = (_FRAMES,) if model.inputs.time else ()
        shape, expected = tuple(rates[mouse].shape), (n_trials, *frames, readout.n_neurons)
        if shape != expected:
            raise SensoriumError(
                f"{name} gives {mouse} rates of shape {shape} for {n_trials} {stimulus}(s), "
                f"expected {expected}"
            )
        if not np.isfinite(keras.ops.convert_to_numpy(rates[mouse])).all():
            raise SensoriumError(f"{name} gives {mouse} rates that are infinite or NaN")


def _check_windows(name: str, model: FiringRateModel, batch: Mapping, rates: Mapping) -> None:
    """Compares rates that are computed of patches of the images, where there are any."""
    for mouse in model.mice:
        windowed = WindowedRates.of(model, mouse)
        if windowed is None:
            continue
        with custom_code(f"{name}: rates of patches of the images"):
            neurons = np.array([0, model.readouts[mouse].n_neurons - 1])
            signals, expected = batch[mouse], rates[mouse]
            if model.inputs.time:
                signals = _held(signals, model.inputs.stimulus)
                expected = model({mouse: signals})[mouse]
            found = keras.ops.convert_to_numpy(windowed(signals, neurons))
        expected = keras.ops.convert_to_numpy(expected)[[0, 1], ..., neurons]
        tolerance = 1e-4 if model.core.compute_dtype == "float32" else 2e-2
        if not np.allclose(found, expected, rtol=tolerance, atol=tolerance):
            raise SensoriumError(
                f"{name}: the rates of {mouse} are others if they are computed of patches of the "
                "images: chain of its core, or points and read_points of its readout, do not say "
                "what call does"
            )


def _held(signals: Mapping[str, np.ndarray], stimulus: str) -> dict[str, np.ndarray]:
    """Returns signals of movies, those beside the stimulus as they are in the last frames."""
    return {
        name: each if name == stimulus else np.repeat(each[:, -1:], each.shape[1], axis=1)
        for name, each in signals.items()
    }


def _check_trace(name: str, model: FiringRateModel) -> None:
    """Compiles a call in training for any number of images."""
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    def signals(n_neurons: int) -> dict:
        shapes = model.inputs.signal_shapes(n_neurons)
        return {signal: tf.TensorSpec((None, *shape)) for signal, shape in shapes.items()}

    batch = {mouse: signals(readout.n_neurons) for mouse, readout in model.readouts.items()}
    with custom_code(f"{name}: a compiled call in training"):
        call = tf.function(lambda batch: model(batch, training=True), autograph=False)
        traced = call.get_concrete_function(batch).output_shapes
    for mouse, readout in model.readouts.items():
        several = (3, 3) if model.inputs.time else (3,)
        if not traced[mouse].is_compatible_with((*several, readout.n_neurons)):
            axes = "movies, frames" if model.inputs.time else "images"
            raise SensoriumError(
                f"{name}, compiled, gives {mouse} rates of shape {traced[mouse]}, expected (any "
                f"number of {axes}, {readout.n_neurons})"
            )
