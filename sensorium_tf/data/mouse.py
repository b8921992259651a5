"""A prepared mouse as models are given it: its inputs, and its trials tier by tier."""

import abc
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from sensorium_tf.config import check_names
from sensorium_tf.data.prepared_recording import PreparedRecording
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import (
    POOLED,
    RECORDED,
    RESPONSE,
    STATISTICS_KINDS,
    InputSpec,
    check_size,
    parse_size,
)

# Transforms whose constants are the extremes of a signal.
_OF_EXTREMES = ("range", "maximum")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Mouse(PreparedRecording, abc.ABC):
    """A prepared mouse, from `load_mouse`: an `ImageMouse` or a `MovieMouse`.

    What is known of it are the attributes of its `PreparedRecording`.

    Attributes:
        statistics_kind: By which statistics movies are normalised: `pooled` or `time_resolved`.
    """

    statistics_kind: str = POOLED
    # `(height, width)` of the images, if not the challenge's.
    _image_size: tuple[int, int] | None = dataclasses.field(default=None, repr=False)

    def with_neurons(self, index: np.ndarray) -> "Mouse":
        """Returns the mouse with some of its neurons.

        Args:
            index: Which, `(fewer neurons,)`, in the order in which they are wanted.
        """
        responses = self.statistics[RESPONSE]
        return dataclasses.replace(
            self,
            spec=self.spec.with_shapes({RESPONSE: (len(index),)}),
            neurons={name: values[index] for name, values in self.neurons.items()},
            statistics={
                **self.statistics,
                RESPONSE: {name: values[index] for name, values in responses.items()},
            },
            response_scale=self.response_scale[index],
            _index=index if self._index is None else self._index[index],
        )

    @property
    def image_size(self) -> tuple[int, int]:
        """`(height, width)` of the images that models are given."""
        return self._image_size or self.challenge.input_size(self.spec)

    def with_image_size(self, size: str | tuple[int, int] | None) -> "Mouse":
        """Returns the mouse with its images at another size.

        Args:
            size: `(height, width)` or a text such as `144x256`: the recorded size, or that divided
                by a whole number; `recorded` for the former, None for the challenge's.

        Raises:
            SensoriumError: If it is another size.
        """
        if size == RECORDED:
            size = self.spec.image_shape[:2]
        elif isinstance(size, str):
            size = parse_size(size, example=self.challenge.image_size)
        if size is not None:
            try:
                check_size(self.spec.image_shape[:2], size)
            except SensoriumError as e:
                raise SensoriumError(f"{self.name}: {e}") from e
        return dataclasses.replace(self, _image_size=size)

    def with_statistics(self, kind: str) -> "Mouse":
        """Returns the mouse with its movies normalised by other statistics.

        Args:
            kind: `pooled`, over time; or `time_resolved`, of each frame by itself, which the
                responses are not: a score compares what a neuron did in one frame with another.

        Raises:
            SensoriumError: If there is no such kind, or it saw images.
        """
        check_names([kind], STATISTICS_KINDS, "kind of statistics")
        if kind != POOLED and not self.spec.has_time:
            raise SensoriumError(
                f"{self.name}: saw images, of which there are no {kind} statistics"
            )
        return dataclasses.replace(self, statistics_kind=kind)

    def given_as(self, inputs: InputSpec) -> "Mouse":
        """Returns the mouse with its stimuli as models of these inputs are given them.

        Raises:
            SensoriumError: If it cannot have them so.
        """
        return self.with_image_size(inputs.image_size).with_statistics(inputs.statistics)

    def inputs(
        self,
        track: str,
        channels: str | Sequence[str] = (),
        extras: Sequence[str] | None = None,
        *,
        transforms: Mapping[str, str] | None = None,
        past_tiers: Sequence[str] | None = None,
    ) -> InputSpec:
        """Returns what models of a track are given of this mouse, with its constants.

        Args:
            track: Name of the track.
            channels: Signals to stack instead of the track's, such as `image` and `centred_image`.
            extras: Signals to give beside the image instead of the track's; None for the track's.
            transforms: Context signal to its transform, such as `{"behavior": "range"}`, if not the
                challenge's.
            past_tiers: Tiers whose responses may be known as past ones; None for all but those that
                a competition withholds.

        Raises:
            SensoriumError: If the track is unknown or does not allow a signal, or one is withheld
                or was not recorded.
        """
        challenge = self.challenge
        challenge.track(track)
        try:
            inputs = challenge.inputs(
                track,
                self.spec,
                channels=channels,
                extras=extras,
                transforms=transforms,
                past_tiers=past_tiers,
            )
        except SensoriumError as e:
            raise SensoriumError(f"{self.name}: {e}") from e
        withheld = [name for name in inputs.recorded_signals if name in self.withheld_signals]
        if withheld:
            others = [each.name for each in challenge.tracks.values() if not each.context]
            raise SensoriumError(
                f"{self.name}: {' and '.join(withheld)} withheld in this recording"
                + (f": use --track={' or '.join(others)}" if others else "")
            )
        for tier in inputs.past_tiers:
            if tier in self.withheld_tiers:
                raise SensoriumError(
                    f"{self.name}: the responses of tier {tier!r} are withheld, so that nobody "
                    "knows them as past ones: leave it out of past_tiers"
                )
        constants = {name: self.statistics[name] for name in inputs.recorded_signals}
        for each in (*inputs.channels, *inputs.extras):
            usual = challenge.input(each.signal, self.spec).transform
            if each.transform != usual and self.statistics_kind != POOLED:
                raise SensoriumError(
                    f"{self.name}: {each.signal} by transform {each.transform!r} goes with "
                    f"{POOLED} statistics, not with {self.statistics_kind} ones"
                )
            if each.transform in _OF_EXTREMES:
                constants[each.signal] = {**constants[each.signal], **self.extremes[each.signal]}
        inputs = dataclasses.replace(
            inputs, image_size=self.image_size, statistics=self.statistics_kind
        )
        return inputs.with_constants({self.name: constants})

    def check_inputs(self, inputs: InputSpec) -> None:
        """Raises SensoriumError unless a model of these inputs can be given this mouse.

        The stimuli may have to be given as the model's, by `given_as`.
        """
        given = (*inputs.channels, *inputs.extras)
        own = self.with_image_size(inputs.image_size).inputs(
            inputs.track,
            [each.signal for each in inputs.channels],
            [each.signal for each in inputs.extras],
            transforms={each.signal: each.transform for each in given},
            past_tiers=inputs.past_tiers,
        )
        if (own.channels, own.extras) != (inputs.channels, inputs.extras):
            raise SensoriumError(
                f"{self.name}: gives a model {own.describe()} of shape {own.image_shape}, but this "
                f"model takes {inputs.describe()} of shape {inputs.image_shape}"
            )

    @abc.abstractmethod
    def trials(self, tier: str):
        """Returns the trials of a tier, normalised, the images at `image_size`.

        Raises:
            SensoriumError: If there is no such tier, or the prepared files are damaged.
        """

    @abc.abstractmethod
    def standardize(self, truth, trials) -> tuple[np.ndarray, np.ndarray]:
        """Returns the true responses and rates of some trials, divided as the responses are.

        Args:
            truth: Of this mouse's recording, which is simulated.
            trials: Some of its trials.

        Returns:
            Responses and rates of all that is scored of them, `(rows, neurons)` float32 each.

        Raises:
            SensoriumError: If the truth is another recording's.
        """
