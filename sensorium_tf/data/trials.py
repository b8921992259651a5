"""The trials of one tier as models are given them, held in memory at the size of model images."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sensorium_tf.data.buffers import select, stack_channels
from sensorium_tf.data.order import shown_order
from sensorium_tf.data.past import PastResponses
from sensorium_tf.errors import SensoriumError
from sensorium_tf.interop.xarray import to_dataset
from sensorium_tf.specs import (
    DERIVED_IMAGES,
    IMAGE,
    PAST_RESPONSES,
    RESPONSE,
    Input,
    InputSpec,
)

if TYPE_CHECKING:
    import xarray


@dataclasses.dataclass(frozen=True, eq=False)
class Trials:
    """Normalised trials of one mouse, in the order of their index.

    Attributes:
        mouse: Name of the mouse, for messages.
        images: `(trials, height, width, channels)` float32 at the size of model images, z-scored
            with the recording's mean and std.
        responses: `(trials, neurons)` float32, divided by the mouse's `response_scale`; zeros where
            withheld.
        signals: Context signals such as `behavior` (divided by its std) and `pupil_center`
            (z-scored), name to `(trials, columns)` float32; those that are withheld, or were not
            recorded, are absent.
        image_ids: `(trials,)` int64.
        trial_ids: `(trials,)` strings.
        tiers: `(trials,)` strings.
        neurons: What is known of the neurons, name to `(neurons, ...)`, `unit_ids` among them.
        given: Context signal to how its values were transformed; what is not in it is as models are
            given it.
        past: Returns, of the responses to some tiers, what the neurons did before any trial; None
            where that is not known.
    """

    mouse: str
    images: np.ndarray
    responses: np.ndarray
    signals: Mapping[str, np.ndarray]
    image_ids: np.ndarray
    trial_ids: np.ndarray
    tiers: np.ndarray
    neurons: Mapping[str, np.ndarray]
    given: Mapping[str, Input] = dataclasses.field(default_factory=dict)
    past: Callable[[tuple[str, ...]], PastResponses] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        there = ["images", "responses", *(name.replace("_", " ") for name in self.signals)]
        return (
            f"{len(self)} trials of {self.mouse}, {self.responses.shape[1]} neurons: "
            f"{', '.join(there)}"
        )

    def take(self, index: np.ndarray) -> "Trials":
        """Returns some of the trials.

        Args:
            index: Which, in the order in which they are wanted.
        """
        return dataclasses.replace(
            self,
            images=self.images[index],
            responses=self.responses[index],
            signals={name: values[index] for name, values in self.signals.items()},
            image_ids=self.image_ids[index],
            trial_ids=self.trial_ids[index],
            tiers=self.tiers[index],
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Trials"]) -> "Trials":
        """Returns the trials of several tiers of a mouse, one after another."""
        first, *others = parts
        if not others:
            return first

        def joined(name: str) -> np.ndarray:
            return np.concatenate([getattr(part, name) for part in parts])

        return dataclasses.replace(
            first,
            images=joined("images"),
            responses=joined("responses"),
            signals={
                name: np.concatenate([part.signals[name] for part in parts])
                for name in first.signals
            },
            image_ids=joined("image_ids"),
            trial_ids=joined("trial_ids"),
            tiers=joined("tiers"),
        )

    def as_shown(self) -> "Trials":
        """Returns the trials in the order in which they were shown, which their ids tell.

        Raises:
            SensoriumError: If the ids are hashed, as the competition's are.
        """
        return self.take(np.argsort(shown_order(self.trial_ids, self.mouse), kind="stable"))

    def to_xarray(self) -> "xarray.Dataset":
        """Returns the trials with named dimensions.

        `image` is (trial, y, x, channel), `response` (trial, neuron) and each context signal, such
        as `behavior`, (trial, behavior_column); all normalised as in these trials. Trials have the
        coordinates `trial_id`, `image_id` and `tier`, neurons `unit_id` and all else that is known
        of them, such as `area`, `layer` and `cell_motor_coordinates` (neuron, axis).

        Example:
            >>> trials.to_xarray().response.groupby("image_id").mean()

        Raises:
            SensoriumError: If xarray is not installed.
        """
        return to_dataset(
            {
                IMAGE: (("trial", "y", "x", "channel"), self.images),
                RESPONSE: (("trial", "neuron"), self.responses),
                **{
                    name: (("trial", f"{name}_column"), values)
                    for name, values in self.signals.items()
                },
            },
            trials={
                "trial_id": self.trial_ids,
                "image_id": self.image_ids,
                "tier": self.tiers,
            },
            neurons=self.neurons,
            attributes={"mouse": self.mouse},
        )

    def inputs(
        self, spec: InputSpec, index: slice | np.ndarray = slice(None)
    ) -> dict[str, np.ndarray]:
        """Returns what a model is given.

        Args:
            spec: What the model takes.
            index: Which trials.

        Returns:
            `{"image": (trials, height, width, channels)}`, where context signals among the channels
            are constant over an image, and each extra, such as `"pupil_center": (trials, 2)` or
            `"past_responses": (trials, neurons, windows)`.

        Raises:
            SensoriumError: If it needs signals that this mouse withholds or that were not recorded,
                or images of another size.
        """
        self._check(spec)
        images = select(self.images, index)

        def channels(signal: str) -> np.ndarray:
            if signal == IMAGE:
                return images
            if signal in DERIVED_IMAGES:
                return DERIVED_IMAGES[signal].make(images)
            return self.signal(signal, spec)[index]

        stacked = stack_channels([channels(each.signal) for each in spec.channels])
        return {
            IMAGE: stacked,
            **{each.signal: self._extra(each.signal, spec, index) for each in spec.extras},
        }

    def signal(self, name: str, spec: InputSpec) -> np.ndarray:
        """Returns a context signal as a model is given it, `(trials, columns)` float32.

        Args:
            name: Of the signal.
            spec: What the model takes.

        Raises:
            SensoriumError: If it is transformed by constants that the model does not know.
        """
        values, wanted, own = self.signals[name], spec[name], self.given.get(name)
        if own is None or own.transform == wanted.transform:
            return values
        constants = spec.constants_of(self.mouse, name)
        return wanted.apply(own.invert(values, constants), constants)

    def _extra(self, name: str, spec: InputSpec, index: slice | np.ndarray) -> np.ndarray:
        if name != PAST_RESPONSES:
            return self.signal(name, spec)[index]
        if self.past is None:
            raise SensoriumError(f"{self.mouse}: what the neurons did before is not known here")
        shown = shown_order(self.trial_ids, self.mouse)[index]
        return self.past(spec.past_tiers).before(shown)

    def _check(self, spec: InputSpec) -> None:
        missing = [name for name in spec.recorded_signals if name not in (IMAGE, *self.signals)]
        if missing:
            raise SensoriumError(
                f"{self.mouse}: {' and '.join(missing)} withheld in this recording, or not "
                "recorded: use another track or other channels"
            )
        if self.images.shape[1:3] != spec.image_size:
            raise SensoriumError(
                f"{self.mouse}: its images are {_size(self.images.shape[1:3])} at the size of "
                f"models, the model is given images of {_size(spec.image_size)}: take the trials "
                f"of mouse.with_image_size({spec.image_size})"
            )
        for each in (*spec.channels, *spec.extras):
            if each.signal == PAST_RESPONSES:
                continue
            found = self.signals.get(each.signal, self.images).shape[-1]
            if each.signal in DERIVED_IMAGES:
                found *= DERIVED_IMAGES[each.signal].channels
            if found != each.size:
                raise SensoriumError(
                    f"{self.mouse}: {each.signal} has {found} columns or channels, the model is "
                    f"given {each.size}"
                )


def _size(size: tuple[int, ...]) -> str:
    return " x ".join(map(str, size))
