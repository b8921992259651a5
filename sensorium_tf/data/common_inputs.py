"""What a model of several mice is given."""

from collections.abc import Iterable, Mapping, Sequence

from sensorium_tf.data.mouse import Mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import InputSpec


def inputs_of(
    mice: Iterable[Mouse],
    *,
    track: str,
    channels: str | Sequence[str] = (),
    extras: Sequence[str] | None = None,
    transforms: Mapping[str, str] | None = None,
    past_tiers: Sequence[str] | None = None,
) -> InputSpec:
    """Returns what a model of some mice is given, with the constants of each.

    Args:
        mice: The mice, at least one.
        track: Name of the track.
        channels: Signals to stack instead of the track's, such as `image` and `centred_image`.
        extras: Signals to give beside the image instead of the track's, such as those that a
            model's parts take; None for the track's.
        transforms: As of `Mouse.inputs`.
        past_tiers: As of `Mouse.inputs`.

    Raises:
        SensoriumError: If the track is unknown or does not allow a signal, a mouse withholds one or
            was recorded without, or the mice are given images of different sizes, channels or
            columns.
    """
    first, *others = mice
    of_all = {"transforms": transforms, "past_tiers": past_tiers}
    inputs = first.inputs(track, channels, extras, **of_all)
    for mouse in others:
        own = mouse.inputs(track, channels, extras, **of_all)
        if own != inputs:
            raise SensoriumError(
                f"{first.name} and {mouse.name} cannot share a model: {first.name} has "
                f"{_describe(inputs)}, {mouse.name} has {_describe(own)}"
            )
        inputs = inputs.with_constants(own.constants)
    return inputs


def _describe(inputs: InputSpec) -> str:
    sizes = (f"{each.signal} ({each.size})" for each in (*inputs.channels, *inputs.extras))
    recorded, given = (
        " x ".join(map(str, size)) for size in (inputs.recorded_size, inputs.image_size)
    )
    return f"images of {recorded} pixels, given as {given}, and {', '.join(sizes)}"
