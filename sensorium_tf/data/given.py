"""What a model of one mouse is given."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import InputSpec

if TYPE_CHECKING:
    from sensorium_tf.data.mouse import Mouse

# Transforms whose constants are the extremes of a signal.
_OF_EXTREMES = ("range", "maximum")


def given_inputs(
    mouse: "Mouse",
    track: str,
    *,
    channels: str | Sequence[str],
    extras: Sequence[str] | None,
    transforms: Mapping[str, str] | None,
    past_tiers: Sequence[str] | None,
) -> InputSpec:
    """Returns what models of a track are given of a mouse; see `Mouse.inputs`.

    Raises:
        SensoriumError: If the track is unknown or does not allow a signal, or a signal or the
            responses of a past tier are withheld or were not recorded.
    """
    challenge = mouse.challenge
    challenge.track(track)
    try:
        inputs = challenge.inputs(
            track,
            mouse.spec,
            channels=channels,
            extras=extras,
            transforms=transforms,
            past_tiers=past_tiers,
        )
    except SensoriumError as e:
        raise SensoriumError(f"{mouse.name}: {e}") from e
    withheld = [name for name in inputs.recorded_signals if name in mouse.withheld_signals]
    if withheld:
        others = [each.name for each in challenge.tracks.values() if not each.context]
        raise SensoriumError(
            f"{mouse.name}: {' and '.join(withheld)} withheld in this recording: use "
            f"--track={' or '.join(others)}"
        )
    for tier in inputs.past_tiers:
        if tier in mouse.withheld_tiers:
            raise SensoriumError(
                f"{mouse.name}: the responses of tier {tier!r} are withheld, so that nobody knows "
                "them as past ones: leave it out of past_tiers"
            )
    constants = {name: mouse.statistics[name] for name in inputs.recorded_signals}
    for each in (*inputs.channels, *inputs.extras):
        if each.transform in _OF_EXTREMES:
            constants[each.signal] = {**constants[each.signal], **mouse.extremes[each.signal]}
    inputs = dataclasses.replace(inputs, image_size=mouse.image_size)
    return inputs.with_constants({mouse.name: constants})
