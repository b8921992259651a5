"""Whether one part keeps the contract of all parts: its weights, calls, options and files."""

import inspect
import json
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import PartBase
from sensorium_tf.registry import custom_code
from sensorium_tf.testing.calls import Call
from sensorium_tf.testing.calls import call as call_part
from sensorium_tf.testing.files import equal, saved_and_loaded
from sensorium_tf.testing.payments import check_payments


def checked(name: str, make: Callable[..., PartBase], call: Call) -> PartBase:
    """Checks a part in one precision and of one shape; returns it, built.

    Args:
        name: Of the part, for messages.
        make: Makes one, with a `seed`.
        call: What it is called with.

    Raises:
        SensoriumError: If it does not keep its contract; the text says what.
    """
    with custom_code(f"{name}: making it"):
        part, same = make(seed=1), make(seed=1)
    _check_config(name, part)
    _check_weights(name, part, same, call)
    n_weights = len(part.weights)
    # Twice in training, since what is drawn and normalised there may fail alone.
    for n_trials, training in ((3, False), (3, True), (1, False), (1, True)):
        with custom_code(f"{name}: a call{' in training' if training else ''}"):
            result = call_part(part, *call.arguments(n_trials), training=training)
        _check_result(name, part, call, result, n_trials)
        check_payments(name, part)
    if len(part.weights) != n_weights:
        raise SensoriumError(
            f"{name}: its call makes weights: make them in build, or leave build out and make the "
            "layers in __init__"
        )
    _check_trace(name, part, call)
    symbols = call.symbols()
    with custom_code(f"{name}: a symbolic call"):
        model = keras.Model(keras.tree.flatten(symbols), call_part(part, *symbols))
    saved_and_loaded(name, model, keras.tree.flatten(call.arguments(2)))
    return part


def _check_config(name: str, part: PartBase) -> None:
    config = part.get_config()
    parameters = inspect.signature(type(part).__init__).parameters.values()
    arguments = [p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    expected = {**dict.fromkeys(arguments[1:]), **part.config.to_json()}
    for argument, value in expected.items():
        if argument not in config or (
            argument in part.config.to_json() and config[argument] != value
        ):
            raise SensoriumError(
                f"{name}: get_config does not hold the argument {argument}: declare it in Config, "
                "which get_config of the base class holds"
            )
    try:
        config = json.loads(json.dumps(config))
        with custom_code("from_config"):
            again = type(part).from_config(config)
        if json.loads(json.dumps(again.get_config())) != config:
            raise SensoriumError("the arguments change")
    except (TypeError, ValueError) as e:
        raise SensoriumError(f"{name}: cannot be made again of its get_config ({e})") from e


def _check_weights(name: str, part: PartBase, same: PartBase, call: Call) -> None:
    for each in (part, same):
        with custom_code(f"{name}: building it"):
            call.build(each)
    n_weights = len(part.weights)
    with custom_code(f"{name}: building it twice"):
        call.build(part)
    if len(part.weights) != n_weights:
        raise SensoriumError(f"{name}: has more weights when it is built twice")
    ours, theirs = part.get_weights(), same.get_weights()
    if not equal(ours, theirs):
        raise SensoriumError(
            f"{name}: two with the same seed have different weights: give each initializer one of "
            "the part's seeds (self.seeds(number))"
        )


def _check_result(name: str, part: PartBase, call: Call, result, n_trials: int) -> None:
    shape = tuple(result.shape)
    told = tuple(part.compute_output_shape(call.batch_shape(n_trials)))
    expected = told if call.gives is None else (n_trials, *call.gives)
    if shape != expected or shape != told:
        raise SensoriumError(
            f"{name}: gives shape {shape} for {n_trials} trial(s) of shape {call.shape}, expected "
            f"{expected} (compute_output_shape says {told})"
        )
    if call.gives is None and len(shape) != 1 + len(call.shape):
        axes = "batch, frames, rows" if call.movies else "batch, rows"
        raise SensoriumError(
            f"{name}: gives features of shape {shape}, expected ({axes}, columns, channels)"
        )
    values = ops.convert_to_numpy(ops.cast(result, "float32"))
    if not np.isfinite(values).all():
        raise SensoriumError(f"{name}: gives values that are infinite or NaN")
    if call.rates and (values < 0).any():
        raise SensoriumError(f"{name}: gives negative rates")


def _check_trace(name: str, part: PartBase, call: Call) -> None:
    """Compiles a call in training for any number of trials."""
    with custom_code(f"{name}: a call for any number of trials"):
        if keras.backend.backend() != "tensorflow":
            first, others = keras.tree.map_structure(
                lambda each: keras.KerasTensor((None, *each.shape[1:])), call.arguments(1)
            )
            shape = tuple(keras.Operation.compute_output_spec(part, first, **others).shape)
            shape = (None, *shape[1:])
        else:
            import tensorflow as tf

            specs = keras.tree.map_structure(
                lambda each: tf.TensorSpec((None, *call.any_number(each.shape[1:]))),
                call.arguments(1),
            )
            traced = tf.function(
                lambda first, others: call_part(part, first, others, training=True), autograph=False
            )
            shape = tuple(traced.get_concrete_function(*specs).output_shapes)
    if len(shape) < 2 or shape[0] is not None:
        raise SensoriumError(
            f"{name}: gives shape {shape} for any number of trials, expected (any number, ...)"
        )
