"""The trials of one tier as models are given them, held in memory at the size of model images."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sensorium_tf.data.buffers import select
from sensorium_tf.data.model_inputs import Signals
from sensorium_tf.data.order import shown_order
from sensorium_tf.data.rows import Rows
from sensorium_tf.errors import SensoriumError
from sensorium_tf.interop.xarray import to_dataset
from sensorium_tf.specs import (
    IMAGE,
    PAST_RESPONSES,
    RESPONSE,
    Input,
    InputSpec,
)

if TYPE_CHECKING:
    import xarray

    from sensorium_tf.data.past import PastResponses

# The samples of 8,000 neurons and 32 images take 65 MB; more at once are hardly faster.
_AT_ONCE = 32


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
    past: "Callable[[tuple[str, ...]], PastResponses] | None" = None

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
        signals = self._signals
        signals.check(spec)
        past = {each.signal: self._past(spec, index) for each in spec.extras if _is_past(each)}
        return signals.inputs(spec, index, extras=past)

    def signal(self, name: str, spec: InputSpec) -> np.ndarray:
        """Returns a context signal as a model is given it, `(trials, columns)` float32.

        Args:
            name: Of the signal.
            spec: What the model takes.

        Raises:
            SensoriumError: If it is transformed by constants that the model does not know.
        """
        return self._signals.signal(name, spec)

    def examples(
        self, spec: InputSpec, index: slice | np.ndarray, *, seed: Sequence[int] | None = None
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Returns what a model is given in training, and the responses that it learns from.

        Args:
            spec: What the model takes.
            index: Which trials.
            seed: Of what is drawn: nothing is of images.
        """
        return self.inputs(spec, index), select(self.responses, index)

    def parts(self, spec: InputSpec) -> Iterator[tuple[dict[str, np.ndarray], int]]:
        """Yields what a model is given of some trials at once, and how many rows that makes.

        Args:
            spec: What the model takes.
        """
        for start in range(0, len(self), _AT_ONCE):
            rows = slice(start, min(start + _AT_ONCE, len(self)))
            yield self.inputs(spec, rows), rows.stop - rows.start

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return self.responses.shape[1]

    @property
    def skip(self) -> int:
        """So many frames at the start of each trial are not scored: images have none."""
        return 0

    @property
    def n_frames_in_training(self) -> int:
        """Images that each trial gives to a batch."""
        return 1

    @property
    def n_rows(self) -> int:
        """Number of rows that are scored: of trials."""
        return len(self)

    def rows(self) -> Rows:
        """Returns what rates are scored by."""
        return Rows(self.responses, self.image_ids, self.trial_ids)

    def mean_responses(self) -> np.ndarray:
        """Returns the mean response of each neuron, `(neurons,)` float64."""
        return self.responses.mean(axis=0, dtype=np.float64)

    @property
    def _signals(self) -> Signals:
        return Signals(self.mouse, IMAGE, self.images, self.signals, self.given)

    def _past(self, spec: InputSpec, index: slice | np.ndarray) -> np.ndarray:
        if self.past is None:
            raise SensoriumError(f"{self.mouse}: what the neurons did before is not known here")
        shown = shown_order(self.trial_ids, self.mouse)[index]
        return self.past(spec.past_tiers).before(shown)


def _is_past(each: Input) -> bool:
    return each.signal == PAST_RESPONSES
