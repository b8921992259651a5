"""Whether a core, readout, shifter or modulator keeps its contract."""

import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from sensorium_tf.challenges import DEFAULT
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase, ModulatorBase, PartBase, ReadoutBase, ShifterBase
from sensorium_tf.models.nonlinearity import NonlinearityBase
from sensorium_tf.models.ops.precision import keras_defaults
from sensorium_tf.registry import (
    CORES,
    MODULATORS,
    NONLINEARITIES,
    READOUTS,
    SHIFTERS,
    Part,
    Registry,
    custom_code,
)
from sensorium_tf.specs import PAST_RESPONSES, PAST_WINDOWS
from sensorium_tf.testing.calls import Call
from sensorium_tf.testing.calls import call as call_part
from sensorium_tf.testing.files import equal, saved_and_loaded
from sensorium_tf.testing.payments import check_payments

_POLICIES = ("float32", "mixed_bfloat16")
# Height, width and channels: cores take images of any size.
_IMAGES = ((*DEFAULT.image_size, 1), (45, 51, 4))
# Movies of so many frames more than get no features.
_FRAMES = 3
_MAPS = ((28, 56, 8), (21, 30, 3))
# Shape of one trial of a signal; a custom recording's may have any number of columns.
_SIGNALS = {signal.name: signal.shape for signal in DEFAULT.recording.context}
_OTHER_SIGNAL = (3,)
_N_NEURONS = 5


def check_core(core: CoreBase | str) -> None:
    """Checks a core: what it computes, its weights, its options, what it pays, its files.

    Use it in the test of a custom core: `check_core("toy(channels=4)")`.

    Args:
        core: The core, or its registered name with options.

    Raises:
        SensoriumError: If it does not keep to what a model asks of a core; the text says what.
    """
    name, make = _maker(CORES, CoreBase, core)
    example = make()
    frames = (example.lost_frames + _FRAMES,) if example.takes_movies else ()
    signals = {signal: (*frames, *_SIGNALS.get(signal, _OTHER_SIGNAL)) for signal in example.inputs}
    more = {"signals": signals} if signals else {}
    for policy, shape in _settings(_IMAGES):
        with keras_defaults(policy):
            call = Call((*frames, *shape), more=more, movies=example.takes_movies)
            built = _checked(name, make, call)
            if example.takes_movies:
                _check_movies(name, built, call)
        layers = built.first_layer()
        if layers is not None and np.ndim(layers) != 4:
            raise SensoriumError(
                f"{name}: first_layer gives an array of {np.ndim(layers)} axes, expected (height, "
                "width, channels, kernels)"
            )


def check_readout(readout: ReadoutBase | str) -> None:
    """Checks a readout: what it computes, its weights, its options, what it pays, its files.

    Args:
        readout: The readout, or its registered name with options.

    Raises:
        SensoriumError: If it does not keep to what a model asks of a readout; the text says what.
    """
    name, make = _maker(READOUTS, ReadoutBase, readout, n_neurons=_N_NEURONS)
    for policy, shape in _settings(_MAPS):
        with keras_defaults(policy):
            if make().takes_levels:
                shape = [shape, (14, 10, 2), shape]
            built = _checked(name, make, Call(shape, _neurons(make)))
            if built.takes_shift:
                _checked(name, make, Call(shape, _neurons(make), more={"shift": (2,)}))
            _check_hooks(name, built)


def check_shifter(shifter: ShifterBase | str) -> None:
    """Checks a shifter: what it computes, its weights, its options, what it pays, its files.

    Args:
        shifter: The shifter, or its registered name with options.

    Raises:
        SensoriumError: If it does not keep to what a model asks of a shifter; the text says what.
    """
    name, make = _maker(SHIFTERS, ShifterBase, shifter)
    for policy in _POLICIES:
        with keras_defaults(policy):
            _checked(name, make, Call(_SIGNALS.get(make().signal, _OTHER_SIGNAL), (2,)))


def check_modulator(modulator: ModulatorBase | str) -> None:
    """Checks a modulator: what it computes, its weights, its options, what it pays, its files.

    Args:
        modulator: The modulator, or its registered name with options.

    Raises:
        SensoriumError: If it does not keep to what a model asks of a modulator; the text says what.
    """
    name, make = _maker(MODULATORS, ModulatorBase, modulator, n_neurons=_N_NEURONS)
    (n_neurons,) = _neurons(make)
    known = {**_SIGNALS, PAST_RESPONSES: (n_neurons, len(PAST_WINDOWS))}
    signals = {signal: known.get(signal, _OTHER_SIGNAL) for signal in make().inputs}
    for policy in _POLICIES:
        with keras_defaults(policy):
            call = Call(
                (n_neurons,), (n_neurons,), more={"signals": signals}, rates=True, positive=True
            )
            _checked(name, make, call)


def check_nonlinearity(nonlinearity: NonlinearityBase | str) -> None:
    """Checks an output nonlinearity: as a readout is, and that its inverse is one.

    Args:
        nonlinearity: The nonlinearity, or its registered name with options.

    Raises:
        SensoriumError: If it does not keep to what a model asks of it; the text says what.
    """
    name, make = _maker(NONLINEARITIES, NonlinearityBase, nonlinearity, n_neurons=_N_NEURONS)
    (n_neurons,) = _neurons(make)
    for policy in _POLICIES:
        with keras_defaults(policy):
            call = Call((n_neurons,), (n_neurons,), rates=True)
            built = _checked(name, make, call)
            rates = np.linspace(0.05, 3.0, n_neurons)
            with custom_code(f"{name}: inverse"):
                drives = np.asarray(built.inverse(rates), "float32")
            again = ops.convert_to_numpy(built(drives[None]))[0]
            if not np.allclose(again, rates, rtol=1e-3):
                raise SensoriumError(
                    f"{name}: makes rates {again.round(3)} of the inverse of {rates.round(3)}"
                )


def _checked(name: str, make: Callable[..., PartBase], call: Call) -> PartBase:
    """Checks a part in one precision and of one shape; returns it, built."""
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


def _check_movies(name: str, core: CoreBase, call: Call) -> None:
    """Compares the frames of features, at each level, with those that the core says."""
    first, others = call.arguments(1)
    with custom_code(f"{name}: levels"):
        n_frames = [each.shape[1] for each in core.levels(first, **others)]
    if n_frames[-1] != _FRAMES or min(n_frames) < _FRAMES:
        raise SensoriumError(
            f"{name}: gives levels of {n_frames} frames of a movie of {first.shape[1]}, but its "
            f"lost_frames says {core.lost_frames}"
        )


def _check_hooks(name: str, readout: ReadoutBase) -> None:
    n_neurons = readout.n_neurons
    with custom_code(f"{name}: set_coordinates"):
        readout.set_coordinates(np.random.default_rng(0).normal(size=(n_neurons, 3)))
    with custom_code(f"{name}: set_mean_drives"):
        readout.set_mean_drives(np.linspace(-1.0, 1.0, n_neurons))
    with custom_code(f"{name}: positions"):
        positions = readout.positions()
    if positions is not None and tuple(positions.shape) != (n_neurons, 2):
        raise SensoriumError(
            f"{name}: positions gives shape {tuple(positions.shape)}, expected ({n_neurons}, 2)"
        )


def _maker(
    registry: Registry, base: type[PartBase], given: Any, **needed: Any
) -> tuple[str, Callable[..., PartBase]]:
    """Returns a part's name and what makes new ones, with the same options."""
    if isinstance(given, str):
        part = Part.parse(given)
        kind, options = registry[part.name], {**needed, **part.options}
    else:
        kind, options = type(given), {}
        if isinstance(given, base):
            options = {k: v for k, v in given.get_config().items() if k not in ("dtype", "name")}
    name = f"{registry.kind} {given if isinstance(given, str) else kind.__name__}"
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise SensoriumError(f"{name}: expected a {base.__name__}")

    def make(**more: Any) -> PartBase:
        return kind(**{**options, **more})

    return name, make


def _neurons(make: Callable[..., PartBase]) -> tuple[int]:
    return (make().n_neurons,)


def _settings(shapes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yields each precision with each shape."""
    for policy in _POLICIES:
        for shape in shapes:
            yield policy, shape
