"""What a model is given."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs.image_size import size_step
from sensorium_tf.specs.input_signal import Input
from sensorium_tf.specs.json_values import as_json
from sensorium_tf.specs.recording import IMAGE, PAST_RESPONSES, VIDEO
from sensorium_tf.specs.transforms import DERIVED_IMAGES, TRANSFORMS

#: Past responses are means over so many of the last trials whose responses are known.
PAST_WINDOWS = (1, 2, 5, 10, 30)
#: Statistics of movies that are taken over time as over trials.
POOLED = "pooled"
#: Statistics of movies that are taken for each frame by itself.
TIME_RESOLVED = "time_resolved"
#: How the statistics of movies can be taken.
STATISTICS_KINDS = (POOLED, TIME_RESOLVED)


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputSpec:
    """What a model is given, saved inside the model.

    Two are equal if models of both take the same inputs: their constants are not compared.

    Attributes:
        challenge: The benchmark whose rules these are, such as `sensorium2022`.
        track: Its track, such as `sensorium`.
        image_size: `(height, width)` of the images, or frames, that the model is given.
        recorded_size: `(height, width)` of these as they were recorded.
        time: Whether the stimulus is a movie, so that all signals are of many frames.
        channels: What is stacked to the model's stimulus, in this order.
        extras: What is given beside it, such as `pupil_center`.
        past_tiers: Tiers whose responses make up `past_responses`; empty without.
        statistics: Which statistics the stimulus and the context signals are transformed by:
            `pooled`, which are the constants, or `time_resolved`, of each frame.
        constants: Mouse to signal to its `mean` and `std` over the training trials, as lists or
            numbers; empty for mice whose recording is not known, such as those of an imported
            checkpoint.
    """

    challenge: str
    track: str
    image_size: tuple[int, int]
    recorded_size: tuple[int, int]
    time: bool = False
    channels: tuple[Input, ...]
    extras: tuple[Input, ...] = ()
    past_tiers: tuple[str, ...] = ()
    statistics: str = POOLED
    constants: Mapping[str, Mapping[str, Mapping[str, Any]]] = dataclasses.field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of an image, or a frame, that the model is given."""
        return (*self.image_size, sum(channel.size for channel in self.channels))

    @property
    def stimulus(self) -> str:
        """Name of the recorded stimulus, under which the model is given it: `image` or `video`."""
        return VIDEO if self.time else IMAGE

    @property
    def stimulus_shape(self) -> tuple[int | None, ...]:
        """Shape of the stimulus of one trial: `image_shape`, after any number of frames."""
        return (*self._frames, *self.image_shape)

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
        """The signals of a recording that they are made of, the responses left out."""
        names = (IMAGE if name in DERIVED_IMAGES else name for name in self.signals)
        return tuple(name for name in dict.fromkeys(names) if name != PAST_RESPONSES)

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

    def signal_shapes(self, n_neurons: int | None = None) -> dict[str, tuple[int | None, ...]]:
        """Returns the shape of what a model is called with, of one trial: stimulus and extras.

        Args:
            n_neurons: As of `extra_shapes`.
        """
        return {self.stimulus: self.stimulus_shape, **self.extra_shapes(n_neurons)}

    def extra_shapes(self, n_neurons: int | None = None) -> dict[str, tuple[int | None, ...]]:
        """Returns the shape of each extra of one trial, that of a movie after its frames.

        Args:
            n_neurons: Of the mouse, which past responses have an axis of; None for any number.
        """
        return {each.signal: (*self._frames, *each.shape(n_neurons)) for each in self.extras}

    @property
    def _frames(self) -> tuple[None, ...]:
        return (None,) if self.time else ()

    def describe(self) -> str:
        """Returns the signals for people, such as `image, behavior, pupil center`."""
        signals = ", ".join(name.replace("_", " ") for name in self.signals)
        return (
            signals if self.statistics == POOLED else f"{signals} by {self.statistics} statistics"
        )

    def without(self, *extras: str) -> "InputSpec":
        """Returns it without some extras, for a model that has no use for them."""
        kept = tuple(each for each in self.extras if each.signal not in extras)
        past = any(each.signal == PAST_RESPONSES for each in kept)
        return dataclasses.replace(self, extras=kept, past_tiers=self.past_tiers if past else ())

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
        name = IMAGE if signal in DERIVED_IMAGES else signal
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
            SensoriumError: If the model does not know the recording's statistics, or its frames are
                standardised each by its own.
        """
        return self[self.stimulus].invert(images, self._grey_constants(mouse))

    def from_grey(self, values: np.ndarray, mouse: str) -> np.ndarray:
        """Returns grey values as model images, float32: standardised, as `to_grey` takes them.

        Args:
            values: `(..., height, width, channels)`, or any numbers of grey.
            mouse: Whose recording.

        Raises:
            SensoriumError: As `to_grey`.
        """
        values = np.asarray(values, np.float32)
        return self[self.stimulus].apply(values, self._grey_constants(mouse))

    def _grey_constants(self, mouse: str) -> Mapping[str, Any]:
        if self.statistics != POOLED:
            raise SensoriumError(
                f"{self.stimulus}: each frame is standardised by statistics of its own "
                f"({self.statistics}), so that there is no way to grey values or back"
            )
        return self.constants_of(mouse, self.stimulus)

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return as_json(self)

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
                    "past_tiers": tuple(values.get("past_tiers", ())),
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
            and spec.statistics in (STATISTICS_KINDS if spec.time else (POOLED,))
            and type(spec.time) is bool
            and type(spec.challenge) is str
            and type(spec.track) is str
            and all(type(tier) is str for tier in spec.past_tiers)
        )
        if not fits:
            raise error
        for name, made in DERIVED_IMAGES.items():
            if any((each.signal == name) != (each.transform == made.transform) for each in inputs):
                raise SensoriumError(
                    f"{name}: the model was saved by an earlier version, which said otherwise "
                    "what becomes of it: train the model again"
                )
        _check_constants(spec.constants, error)
        return spec


def _check_constants(constants: Any, error: SensoriumError) -> None:
    try:
        for of_mouse in constants.values():
            for each in of_mouse.values():
                for value in (each["mean"], each["std"], *each.values()):
                    if not np.isfinite(np.asarray(value, np.float64)).all():
                        raise error
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise error from e
