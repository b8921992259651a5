"""Models by name: presets, parts from the registries, or a function of a custom module."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from sensorium_tf.config import Config, check_names
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.model import FiringRateModel
from sensorium_tf.models.ops.precision import keras_defaults
from sensorium_tf.models.ops.seeds import spawn_seeds
from sensorium_tf.models.settings import ModelSettings
from sensorium_tf.registry import (
    CORES,
    MODULATORS,
    NONLINEARITIES,
    READOUTS,
    SHIFTERS,
    Part,
    Registry,
    custom_code,
    import_modules,
)
from sensorium_tf.specs import InputSpec


def build_model(
    settings: ModelSettings,
    coordinates: Mapping[str, Any],
    inputs: InputSpec,
    *,
    seed: int | None = None,
    joint_core: bool = False,
    policy: str | None = None,
) -> FiringRateModel:
    """Makes a model, untrained.

    Args:
        settings: Of which parts. A custom `package.module:function` is called as
            `function(coordinates, inputs=inputs, seed=seed)`.
        coordinates: Mouse -> cell motor coordinates `(neurons, 2 or 3)` in micrometres. The
            order of the mice is kept.
        inputs: What the model is given, `settings.extras` of the track among it. With the signal
            that the shifter takes, every mouse has one unless the settings leave it out.
        seed: Seed of the initial weights and of what is drawn in training; `None` draws
            them anew each time.
        joint_core: Whether in training all mice pass the core in one batch.
        policy: Keras dtype policy of the layers, such as `mixed_bfloat16`; if left out one that
            was set stays.

    Returns:
        The model, with the readouts of the mice in their order.

    Raises:
        SensoriumError: If there is no such part, module or function, a part cannot be made, there
            is no mouse, or coordinates cannot be used; of a custom function, if it does not return
            a model of these mice and inputs.
    """
    with keras_defaults(policy):
        if settings.function is None:
            model = _from_parts(settings, coordinates, inputs, seed)
        else:
            model = _from_function(settings, coordinates, inputs, seed)
    # A custom model may have chosen it for itself.
    model.joint_core = model.joint_core or joint_core
    return model


def _from_parts(settings: ModelSettings, coordinates, inputs, seed) -> FiringRateModel:
    parts = settings.architecture(movies=inputs.time)
    n_mice = len(coordinates)
    core_seed, *seeds = spawn_seeds(seed, 1 + 3 * n_mice)
    neurons = {mouse: len(places) for mouse, places in coordinates.items()}
    core = _make(CORES, parts.core, seed=core_seed, name="core")
    _check_signals(f"core {parts.core.name}", core.inputs, inputs)
    readout = parts.readout
    for name, none in (("n_orientations", 1), ("n_contrasts", 0)):
        if hasattr(READOUTS[readout.name].Config, name) and (there := getattr(core, name)) != none:
            readout = Part(readout.name, {name: there, **readout.options})
    readouts = {
        mouse: _make(READOUTS, readout, number, seed=each, name=f"readout_{mouse}")
        for (mouse, number), each in zip(neurons.items(), seeds[: 2 * n_mice : 2], strict=True)
    }
    shifters = {}
    of_eye = None if parts.shifter is None else SHIFTERS[parts.shifter.name].signal
    if of_eye in inputs:
        shifters = {
            mouse: _make(SHIFTERS, parts.shifter, seed=each, name=f"shifter_{mouse}")
            for mouse, each in zip(neurons, seeds[1 : 2 * n_mice : 2], strict=True)
        }
    elif settings.shifter_wanted:
        raise SensoriumError(
            f"{settings.shifter_wanted}: goes with a shifter, which takes the "
            f"{of_eye.replace('_', ' ')}; models of track {inputs.track} are given only "
            f"{inputs.describe()}"
        )
    modulators = {}
    if parts.modulator is not None:
        modulators = {
            mouse: _make(MODULATORS, parts.modulator, number, seed=each, name=f"modulator_{mouse}")
            for (mouse, number), each in zip(neurons.items(), seeds[2 * n_mice :], strict=True)
        }
        taken = next(iter(modulators.values())).inputs if modulators else ()
        _check_signals(f"modulator {parts.modulator.name}", taken, inputs)
    nonlinearities = {}
    if parts.nonlinearity is not None:
        # Drawn after all others, so that these start as they do without.
        seeds = spawn_seeds(seed, 1 + 4 * n_mice)[-n_mice:]
        nonlinearities = {
            mouse: _make(
                NONLINEARITIES, parts.nonlinearity, n, seed=each, name=f"nonlinearity_{mouse}"
            )
            for (mouse, n), each in zip(neurons.items(), seeds, strict=True)
        }
    with custom_code(f"model {settings.name}: building it"):
        model = FiringRateModel(
            core,
            readouts,
            shifters,
            modulators,
            nonlinearities,
            inputs=inputs,
            name=settings.model,
        )
        for mouse, places in coordinates.items():
            readouts[mouse].set_coordinates(places)
    return model


def check_parts(settings: ModelSettings, *, movies: bool = False) -> None:
    """Raises SensoriumError if a part or an option of one does not exist, or is not possible.

    Args:
        settings: Of which parts.
        movies: Whether the model is given movies.
    """
    if settings.function is not None:
        return
    parts = settings.architecture(movies=movies)
    for registry, part in (
        (CORES, parts.core),
        (READOUTS, parts.readout),
        (SHIFTERS, parts.shifter),
        (MODULATORS, parts.modulator),
        (NONLINEARITIES, parts.nonlinearity),
    ):
        if part is not None:
            _config(registry, part)


def _config(registry: Registry, part: Part) -> Config:
    """Returns the settings of a part with its options."""
    kind = registry[part.name].Config
    known = [field.name for field in dataclasses.fields(kind)]
    check_names(part.options, known, f"option of {registry.kind} {part.name}")
    try:
        return kind(**part.options)
    except SensoriumError as e:
        raise SensoriumError(f"{registry.kind} {part.name}: {e}") from e


def _make(registry: Registry, part: Part, *args: Any, **kwargs: Any):
    made = registry[part.name]
    _config(registry, part)
    with custom_code(f"{registry.kind} {part.name}: making it"):
        return made(*args, **part.options, **kwargs)


def _check_signals(part: str, taken: Iterable[str], inputs: InputSpec) -> None:
    """Refuses a part that takes a signal which the model is not given."""
    for signal in taken:
        if signal not in inputs:
            raise SensoriumError(
                f"{part}: takes {signal}, but models of track {inputs.track} are given only "
                f"{inputs.describe()}: choose another track"
            )


def _from_function(settings: ModelSettings, coordinates, inputs, seed) -> FiringRateModel:
    module_name, function_name = settings.function
    (module,) = import_modules([module_name])
    function = getattr(module, function_name, None)
    if not callable(function):
        raise SensoriumError(
            f"model {settings.model}: the module has no function {function_name!r}"
        )
    with custom_code(f"model {settings.model}: (coordinates, inputs=, seed=)"):
        model = function(coordinates, inputs=inputs, seed=seed)
    if not isinstance(model, FiringRateModel):
        raise SensoriumError(
            f"model {settings.model}: returned {type(model).__name__}, expected a FiringRateModel"
        )
    neurons = {mouse: len(places) for mouse, places in coordinates.items()}
    built = {mouse: readout.n_neurons for mouse, readout in model.readouts.items()}
    if list(built.items()) != list(neurons.items()):
        raise SensoriumError(
            f"model {settings.model}: has readouts for neurons {built}, expected {neurons}, in "
            "this order"
        )
    given = inputs
    for extra in model.inputs.extras:
        given = given.with_extra(extra.signal) if extra.signal in given else given
    unused = {each.signal for each in given.extras} - {each.signal for each in model.inputs.extras}
    if model.inputs != given.without(*unused):
        raise SensoriumError(
            f"model {settings.model}: is given {model.inputs.describe()} of shape "
            f"{model.inputs.image_shape}, expected the inputs that the function got: "
            f"{inputs.describe()} of shape {inputs.image_shape}"
        )
    # Of a model that was made with inputs of its own, the constants of the mice are not known.
    model.inputs = dataclasses.replace(model.inputs, constants=inputs.constants)
    return model
