"""Whether a core, readout, shifter, modulator or nonlinearity keeps its contract."""

from collections.abc import Callable, Iterator
from typing import Any

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
from sensorium_tf.testing.part import checked

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
            built = checked(name, make, call)
            if example.takes_movies:
                _check_movies(name, built, call)
        if built.is_trained != bool(built.trainable_weights):
            has = "no" if built.is_trained else "some"
            raise SensoriumError(
                f"{name}: has {has} trainable weights, but is_trained is {built.is_trained}"
            )
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
            example = make()
            shape = (*shape[:-1], shape[-1] * example.n_orientations)
            if example.takes_levels:
                shape = [shape, (14, 10, 2), shape]
            built = checked(name, make, Call(shape, _neurons(make)))
            if built.takes_shift:
                checked(name, make, Call(shape, _neurons(make), more={"shift": (2,)}))
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
            checked(name, make, Call(_SIGNALS.get(make().signal, _OTHER_SIGNAL), (2,)))


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
            checked(name, make, call)


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
            built = checked(name, make, call)
            rates = np.linspace(0.05, 3.0, n_neurons)
            with custom_code(f"{name}: inverse"):
                drives = np.asarray(built.inverse(rates), "float32")
            again = ops.convert_to_numpy(built(drives[None]))[0]
            if not np.allclose(again, rates, rtol=1e-3):
                raise SensoriumError(
                    f"{name}: makes rates {again.round(3)} of the inverse of {rates.round(3)}"
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
