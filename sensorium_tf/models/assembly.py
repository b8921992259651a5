"""Whether parts make a model together, and what they take."""

from collections.abc import Mapping

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase, ModulatorBase, PartBase, ReadoutBase, ShifterBase
from sensorium_tf.models.nonlinearity import NonlinearityBase
from sensorium_tf.specs import InputSpec

#: The parts that each mouse has, as a model names them, to their kind.
OF_MICE = {
    "readouts": ReadoutBase,
    "shifters": ShifterBase,
    "modulators": ModulatorBase,
    "nonlinearities": NonlinearityBase,
}


def check_assembly(
    core: CoreBase, of_mice: Mapping[str, Mapping[str, PartBase]], inputs: InputSpec
) -> None:
    """Refuses parts that make no model together.

    Args:
        core: The core.
        of_mice: Each name of `OF_MICE` to the parts of the mice; the readouts' may not be empty.
        inputs: What the model is given.

    Raises:
        SensoriumError: If there is no mouse, a part is of another kind or is missing, a readout
            takes no shift, or the core takes movies in place of images, or these of those.
    """
    if not isinstance(inputs, InputSpec):
        raise SensoriumError(f"inputs: expected an InputSpec. Received: {inputs!r}")
    readouts, shifters = of_mice["readouts"], of_mice["shifters"]
    if not readouts:
        raise SensoriumError("FiringRateModel: give the readout of at least one mouse")
    _check_kind("core", core, CoreBase)
    if core.takes_movies != inputs.time:
        taken, given = ("movies", "images") if core.takes_movies else ("images", "movies")
        raise SensoriumError(
            f"the core {type(core).__name__} takes {taken}, but the model is given {given}: use "
            f"a core of {given}, such as {'factorised_3d' if inputs.time else 'sensorium'}"
        )
    for name, parts in of_mice.items():
        for mouse, part in parts.items():
            _check_kind(f"{_SINGULAR[name]} of {mouse}", part, OF_MICE[name])
        if parts and set(parts) != set(readouts):
            raise SensoriumError(
                f"FiringRateModel: {name} must be there for every mouse or for none. Received: "
                f"{name} of {', '.join(parts)}; readouts of {', '.join(readouts)}"
            )
    for mouse, readout in readouts.items():
        if readout.n_orientations not in (1, core.n_orientations):
            there = f"at {core.n_orientations}" if core.n_orientations > 1 else "no such order"
            raise SensoriumError(
                f"the readout of {mouse}, {type(readout).__name__}, takes features at "
                f"{readout.n_orientations} orientations, but those of {type(core).__name__} have "
                f"{there}: use such a core, as rotation_equivariant, or the readout gaussian"
            )
        if readout.n_contrasts not in (0, core.n_contrasts):
            raise SensoriumError(
                f"the readout of {mouse}, {type(readout).__name__}, takes an image and "
                f"{readout.n_contrasts} contrasts, but the map of {type(core).__name__} has "
                f"{core.n_contrasts or 'none'}: use the core contrast, or the readout gaussian"
            )
        if shifters and not readout.takes_shift:
            raise SensoriumError(
                f"the readout of {mouse}, {type(readout).__name__}, takes no shift: leave the "
                "shifter out (--shifter=none)"
            )


def taken(
    core: CoreBase,
    shifters: Mapping[str, ShifterBase],
    modulators: Mapping[str, ModulatorBase],
    inputs: InputSpec,
) -> InputSpec:
    """Returns what a model is given: of the extras those alone that its parts take.

    Args:
        core: The core.
        shifters: Mouse to its shifter.
        modulators: Mouse to its modulator.
        inputs: What models of the track are given.

    Raises:
        SensoriumError: If a part takes a signal that is not among it.
    """
    names = [*core.inputs, *(each.signal for each in shifters.values())]
    names += [name for each in modulators.values() for name in each.inputs]
    for name in names:
        if name not in inputs:
            raise SensoriumError(
                f"the model's parts take {name}, but its inputs are only {inputs.describe()}: "
                "use another track, or leave the part out"
            )
        inputs = inputs.with_extra(name)
    return inputs.without(*({each.signal for each in inputs.extras} - set(names)))


_SINGULAR = {
    "readouts": "readout",
    "shifters": "shifter",
    "modulators": "modulator",
    "nonlinearities": "nonlinearity",
}


def _check_kind(what: str, part: object, kind: type[PartBase]) -> None:
    if not isinstance(part, kind):
        raise SensoriumError(f"{what}: expected a {kind.__name__}. Received: {type(part).__name__}")
