"""What a recording holds."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Self

from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs.json_values import as_json

_ROLES = ("stimulus", "response", "context")
#: The stimulus of recordings of static images.
IMAGE = "image"
#: The stimulus of movies.
VIDEO = "video"
#: The image less its own mean, which is made of it.
CENTRED_IMAGE = "centred_image"
#: The horizontal and vertical gradient of the image, which are made of it.
SOBEL_IMAGE = "sobel_image"
#: What the neurons of every recording do.
RESPONSE = "response"
#: What they did in earlier trials, which is made of the responses.
PAST_RESPONSES = "past_responses"
# Beside signals, what is known of every trial: names that no context signal may have.
_NOT_CONTEXT = (
    IMAGE,
    CENTRED_IMAGE,
    SOBEL_IMAGE,
    RESPONSE,
    PAST_RESPONSES,
    "image_id",
    "trial_id",
    "trial_index",
    VIDEO,
    "video_id",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SignalSpec:
    """One signal of a recording, an array a trial.

    Attributes:
        name: As a feature of a trial, such as `image`.
        shape: Of a trial's array, `(height, width, channels)` for images, `(columns,)` for others,
            with an axis of time before these in movies; None where the recording, or a trial of
            it, decides.
        role: `stimulus`, `response` or `context`.
        folder: Under `data` in the file tree, such as `images`.
        doc: What its values are, with their units.
        time_axis: Which axis of `shape` is time; None for a signal of one value a trial.
        required: Whether there is no recording without it.
        columns: What the columns of a context signal are, for figures; empty if not known.
    """

    name: str
    shape: tuple[int | None, ...]
    role: str
    folder: str
    doc: str = ""
    time_axis: int | None = None
    required: bool = True
    columns: tuple[str, ...] = ()

    @property
    def frame_shape(self) -> tuple[int | None, ...]:
        """Shape without time: of one frame of a movie, of all there is of a static signal."""
        return tuple(n for axis, n in enumerate(self.shape) if axis != self.time_axis)

    def with_shape(self, shape: tuple[int | None, ...]) -> "SignalSpec":
        """Returns the signal with the shape that a recording has."""
        return dataclasses.replace(self, shape=tuple(shape))


@dataclasses.dataclass(frozen=True)
class RecordingSpec:
    """The signals of a recording.

    Attributes:
        signals: In the order in which they are written; one stimulus and one response among them.
    """

    signals: tuple[SignalSpec, ...]

    def __contains__(self, name: object) -> bool:
        return any(signal.name == name for signal in self.signals)

    def __getitem__(self, name: str) -> SignalSpec:
        """Returns a signal by its name.

        Raises:
            SensoriumError: If the recording has none of this name.
        """
        for signal in self.signals:
            if signal.name == name:
                return signal
        raise SensoriumError(f"signal {name!r}: the recording has only {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the signals."""
        return tuple(signal.name for signal in self.signals)

    @property
    def stimulus(self) -> SignalSpec:
        """What the animal was shown."""
        return next(signal for signal in self.signals if signal.role == "stimulus")

    @property
    def has_time(self) -> bool:
        """Whether trials are movies, of many frames each."""
        return self.stimulus.time_axis is not None

    @property
    def image_shape(self) -> tuple[int | None, int | None, int | None]:
        """`(height, width, channels)` of an image, or of a frame, as it was recorded."""
        return self.stimulus.frame_shape

    @property
    def context(self) -> tuple[SignalSpec, ...]:
        """What was recorded beside stimulus and response, such as behavior."""
        return tuple(signal for signal in self.signals if signal.role == "context")

    def with_shapes(self, shapes: Mapping[str, tuple[int | None, ...]]) -> "RecordingSpec":
        """Returns it with other shapes of some signals."""
        return RecordingSpec(
            tuple(
                each.with_shape(shapes[each.name]) if each.name in shapes else each
                for each in self.signals
            )
        )

    def with_context(self, name: str, size: int) -> "RecordingSpec":
        """Returns it with one more context signal, of `size` columns, last of all.

        Raises:
            SensoriumError: If no context signal may have this name.
        """
        check_context_name(name)
        signal = SignalSpec(
            name=name,
            shape=(None, size) if self.has_time else (size,),
            role="context",
            folder=name,
            time_axis=0 if self.has_time else None,
            required=False,
        )
        return RecordingSpec((*self.signals, signal))

    def without(self, *names: str) -> "RecordingSpec":
        """Returns it without some signals."""
        return RecordingSpec(tuple(each for each in self.signals if each.name not in names))

    def to_json(self) -> list[dict[str, Any]]:
        """Returns it as JSON values."""
        return [as_json(signal) for signal in self.signals]

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Returns what `to_json` described.

        Raises:
            SensoriumError: If it is not the description of a recording.
        """
        try:
            signals = tuple(
                SignalSpec(
                    **{
                        **each,
                        "shape": tuple(each["shape"]),
                        "columns": tuple(each.get("columns", ())),
                    }
                )
                for each in values
            )
        except (TypeError, KeyError, ValueError) as e:
            raise SensoriumError("not the description of a recording's signals") from e
        for signal in signals:
            fits = (
                all(type(text) is str for text in (signal.name, signal.folder, signal.doc))
                and signal.role in _ROLES
                and all(n is None or (type(n) is int and n > 0) for n in signal.shape)
                and (signal.time_axis is None or type(signal.time_axis) is int)
                and type(signal.required) is bool
                and all(type(text) is str for text in signal.columns)
            )
            if not fits:
                raise SensoriumError("not the description of a recording's signals")
        roles = [signal.role for signal in signals]
        if roles.count("stimulus") != 1 or roles.count("response") != 1:
            raise SensoriumError("a recording has one stimulus and one response")
        return cls(signals)


def check_context_name(name: str) -> None:
    """Raises SensoriumError unless a context signal of a recording may have this name."""
    if not re.fullmatch(r"[A-Za-z]\w{0,99}", name, re.ASCII) or name in _NOT_CONTEXT:
        raise SensoriumError(
            f"context signal {name!r}: expected letters, digits and _, a letter first, and not "
            f"{', '.join(_NOT_CONTEXT)}"
        )
