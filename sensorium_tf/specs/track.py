"""What the models of a track may be given."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs.json_values import as_json


@dataclasses.dataclass(frozen=True, kw_only=True)
class Track:
    """What the models of a track may be given, and how they are judged.

    Attributes:
        name: Such as `sensorium`.
        doc: What it is, in a few words.
        channels: Signals that are stacked to the image input, in this order, unless somebody
            chooses others.
        extras: Signals given beside it.
        context: Whether models may see signals other than the image.
        primary_metric: By which entries are ranked.
        live_tier: What a competition scores at once.
        final_tier: What it scores when it is over.
        undefined: Metric to the reason why it is not defined here.
    """

    name: str
    doc: str
    channels: tuple[str, ...]
    extras: tuple[str, ...] = ()
    context: bool = False
    primary_metric: str
    live_tier: str
    final_tier: str
    undefined: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)

    @property
    def phases(self) -> dict[str, str]:
        """Each phase of a competition, `live` and `final`, to its tier."""
        return {"live": self.live_tier, "final": self.final_tier}

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return as_json(self)

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Returns what `to_json` described.

        Raises:
            SensoriumError: If it is not the description of a track.
        """
        try:
            return cls(
                **{
                    **values,
                    "channels": tuple(values["channels"]),
                    "extras": tuple(values["extras"]),
                }
            )
        except (TypeError, KeyError) as e:
            raise SensoriumError("not the description of a track") from e
