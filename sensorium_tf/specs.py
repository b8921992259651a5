"""What a recording holds, what a model is given, what a track allows: plain values."""

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.transforms import TRANSFORMS

ROLES = ("stimulus", "response", "context")
IMAGE, CENTRED_IMAGE, RESPONSE = "image", "centred_image", "response"
# Beside signals, what is known of every trial: names that no context signal may have.
_NOT_CONTEXT = (IMAGE, CENTRED_IMAGE, RESPONSE, "image_id", "trial_id", "trial_index")


@dataclasses.dataclass(frozen=True, kw_only=True)
class SignalSpec:
    """One signal of a recording, an array a trial.

    Attributes:
        name: As a feature of a trial, such as `image`.
        shape: Of a trial's array, `(height, width, channels)` for images, `(columns,)` for others;
            None where the recording decides.
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
    def image_shape(self) -> tuple[int | None, int | None, int | None]:
        """`(height, width, channels)` of an image as it was recorded."""
        return self[IMAGE].shape

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
        signal = SignalSpec(name=name, shape=(size,), role="context", folder=name, required=False)
        return RecordingSpec((*self.signals, signal))

    def without(self, *names: str) -> "RecordingSpec":
        """Returns it without some signals."""
        return RecordingSpec(tuple(each for each in self.signals if each.name not in names))

    def to_json(self) -> list[dict[str, Any]]:
        """Returns it as JSON values."""
        return [_as_json(signal) for signal in self.signals]

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
                and signal.role in ROLES
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


@dataclasses.dataclass(frozen=True)
class Input:
    """One signal as a model is given it.

    Attributes:
        signal: `image`, `centred_image` (the image less its own mean) or a context signal.
        size: Channels, or columns.
        transform: What becomes of the recorded values: `standardize` (less their mean, divided by
            their standard deviation), `scale` (divided by it), `centre` (standardised, then less
            each image's own mean) or `none`.
    """

    signal: str
    size: int
    transform: str

    def apply(self, values: np.ndarray, constants: Mapping[str, Any]) -> np.ndarray:
        """Returns recorded values as a model is given them, float32.

        Args:
            values: Of the signal, in its recorded units; images at the models' size.
            constants: `mean` and `std` over the recording's training trials, scalars or one a
                column. A standard deviation of zero counts as one.
        """
        return TRANSFORMS[self.transform].apply(values, constants)

    def invert(self, values: np.ndarray, constants: Mapping[str, Any]) -> np.ndarray:
        """Returns what `apply` was given, from what it returned.

        Args:
            values: As a model is given them.
            constants: As of `apply`.

        Raises:
            SensoriumError: If there is no way back, as from `centred_image`.
        """
        return TRANSFORMS[self.transform].invert(values, constants)


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputSpec:
    """What a model is given, saved inside the model.

    Two are equal if models of both take the same inputs: their constants are not compared.

    Attributes:
        challenge: The benchmark whose rules these are, such as `sensorium2022`.
        track: Its track, such as `sensorium`.
        image_size: `(height, width)` of the images that the model is given.
        recorded_size: `(height, width)` of the images as they were recorded.
        channels: What is stacked to the model's image input, in this order.
        extras: What is given beside it, such as `pupil_center`.
        constants: Mouse to signal to its `mean` and `std` over the training trials, as lists or
            numbers; empty for mice whose recording is not known, such as those of an imported
            checkpoint.
    """

    challenge: str
    track: str
    image_size: tuple[int, int]
    recorded_size: tuple[int, int]
    channels: tuple[Input, ...]
    extras: tuple[Input, ...] = ()
    constants: Mapping[str, Mapping[str, Mapping[str, Any]]] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of a model's image input."""
        return (*self.image_size, sum(channel.size for channel in self.channels))

    @property
    def step(self) -> int:
        """How many recorded pixels, along each axis, one pixel of the model's images stands for."""
        return size_step(self.recorded_size, self.image_size)

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of all signals, in order."""
        return tuple(dict.fromkeys(each.signal for each in (*self.channels, *self.extras)))

    @property
    def recorded_signals(self) -> tuple[str, ...]:
        """The signals of a recording that they are made of."""
        names = (IMAGE if name == CENTRED_IMAGE else name for name in self.signals)
        return tuple(dict.fromkeys(names))

    def __getitem__(self, signal: str) -> Input:
        """Returns how a signal is given.

        Raises:
            SensoriumError: If the model is not given it.
        """
        for each in (*self.channels, *self.extras):
            if each.signal == signal:
                return each
        raise SensoriumError(f"{signal}: the model is given only {self.describe()}")

    def __contains__(self, signal: object) -> bool:
        return signal in self.signals

    def extra_shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shape of each extra of one trial."""
        return {each.signal: (each.size,) for each in self.extras}

    def describe(self) -> str:
        """Returns the signals for people, such as `image, behavior, pupil center`."""
        return ", ".join(name.replace("_", " ") for name in self.signals)

    def without(self, *extras: str) -> "InputSpec":
        """Returns it without some extras, for a model that has no use for them."""
        kept = tuple(each for each in self.extras if each.signal not in extras)
        return dataclasses.replace(self, extras=kept)

    def with_extra(self, signal: str) -> "InputSpec":
        """Returns it with a signal that it knows given beside the image, too, in columns.

        Raises:
            SensoriumError: If models of the track are not given it.
        """
        if any(each.signal == signal for each in self.extras):
            return self
        return dataclasses.replace(self, extras=(*self.extras, self[signal]))

    def with_constants(self, constants: Mapping[str, Mapping[str, Any]]) -> "InputSpec":
        """Returns it with the constants of some mice, beside those that it has."""
        plain = {
            mouse: {
                signal: {key: np.asarray(value).tolist() for key, value in each.items()}
                for signal, each in of_mouse.items()
            }
            for mouse, of_mouse in constants.items()
        }
        return dataclasses.replace(self, constants={**self.constants, **plain})

    def constants_of(self, mouse: str, signal: str) -> Mapping[str, Any]:
        """Returns the mean and standard deviation of a signal in a mouse's recording.

        Raises:
            SensoriumError: If the model does not know them.
        """
        name = IMAGE if signal == CENTRED_IMAGE else signal
        try:
            return self.constants[mouse][name]
        except KeyError:
            raise SensoriumError(
                f"{mouse}: the model does not know the recording's {name} statistics: open it with "
                "its recording (a run knows them)"
            ) from None

    def to_grey(self, images: np.ndarray, mouse: str) -> np.ndarray:
        """Returns model images in the recording's grey values, the inverse of the standardisation.

        Args:
            images: `(..., height, width, channels)` of the image's own channels alone.
            mouse: Whose recording.

        Raises:
            SensoriumError: If the model does not know the recording's statistics.
        """
        return self[IMAGE].invert(images, self.constants_of(mouse, IMAGE))

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return _as_json(self)

    @classmethod
    def from_json(cls, values: Any) -> Self:
        """Returns what `to_json` described.

        Raises:
            SensoriumError: If it is not the description of a model's inputs.
        """
        error = SensoriumError("not the description of a model's inputs")
        try:
            spec = cls(
                **{
                    **values,
                    "image_size": tuple(values["image_size"]),
                    "recorded_size": tuple(values["recorded_size"]),
                    "channels": tuple(Input(**each) for each in values["channels"]),
                    "extras": tuple(Input(**each) for each in values["extras"]),
                }
            )
        except (TypeError, KeyError, ValueError) as e:
            raise error from e
        sizes = (*spec.image_size, *spec.recorded_size)
        inputs = (*spec.channels, *spec.extras)
        names = (name for each in inputs for name in (each.signal, each.transform))
        fits = (
            len(sizes) == 4
            and all(type(n) is int and n > 0 for n in (*sizes, *(each.size for each in inputs)))
            and all(type(name) is str for name in names)
            and all(each.transform in TRANSFORMS for each in inputs)
            and bool(spec.channels)
            and type(spec.challenge) is str
            and type(spec.track) is str
        )
        if not fits:
            raise error
        if any((each.signal == CENTRED_IMAGE) != (each.transform == "centre") for each in inputs):
            raise SensoriumError(
                "centred_image: the model was saved by an earlier version, which said otherwise "
                "what becomes of it: train the model again"
            )
        _check_constants(spec.constants, error)
        return spec


def _check_constants(constants: Any, error: SensoriumError) -> None:
    try:
        for of_mouse in constants.values():
            for each in of_mouse.values():
                for value in (each["mean"], each["std"]):
                    if not np.isfinite(np.asarray(value, np.float64)).all():
                        raise error
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise error from e


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
        undefined: Metric to the reason why it is not defined here.
    """

    name: str
    doc: str
    channels: tuple[str, ...]
    extras: tuple[str, ...] = ()
    context: bool = False
    primary_metric: str
    undefined: Mapping[str, str] = dataclasses.field(default_factory=dict, hash=False)

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return _as_json(self)

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


def _as_json(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {
            field.name: _as_json(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, Mapping):
        return {str(key): _as_json(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_as_json(each) for each in value]
    return value


def check_context_name(name: str) -> None:
    """Raises SensoriumError unless a context signal of a recording may have this name."""
    if not re.fullmatch(r"[A-Za-z]\w{0,99}", name, re.ASCII) or name in _NOT_CONTEXT:
        raise SensoriumError(
            f"context signal {name!r}: expected letters, digits and _, a letter first, and not "
            f"{', '.join(_NOT_CONTEXT)}"
        )


def input_size(recorded: tuple[int, int], largest: tuple[int, int]) -> tuple[int, int]:
    """Returns the size at which a model is given images of a recorded size.

    Images are made smaller by a whole number, so that they come near a size without exceeding it by
    half.

    Args:
        recorded: `(height, width)`.
        largest: `(height, width)` to come near.
    """
    step = max(1, round(math.sqrt(math.prod(recorded) / math.prod(largest))))
    step = min(step, *recorded)
    return recorded[0] // step, recorded[1] // step


def size_step(recorded: tuple[int, int], given: tuple[int, int]) -> int:
    """Returns the whole number by which images of a recorded size become those of a smaller one.

    Args:
        recorded: `(height, width)`.
        given: `(height, width)`, from `input_size`.
    """
    return max(large // (small + 1) + 1 for large, small in zip(recorded, given, strict=True))


def central_pixels(step: int) -> range:
    """Returns which of each `step` recorded pixels, along one axis, make one of a model's pixels.

    They are those at the centre, two of an even number and one of an odd one: what bilinear
    interpolation with half-pixel centres and without antialiasing takes the mean of.

    Args:
        step: As of `InputSpec`.
    """
    return range((step - 1) // 2, step // 2 + 1)
