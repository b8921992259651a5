"""What a simulated recording does not hold: its true rates and its withheld responses."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sensorium_tf.arrays import ArrayHeader, open_arrays
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.reading import ZIP, reading

_VALUES = ("rates", "responses")
_OF_NEURONS = "neuron_"
# Rates and responses of neurons hardly compress.
_EXPANSION = 20


@dataclasses.dataclass(frozen=True, eq=False)
class Truth:
    """Truth of a simulated recording, all tiers, in the recording's units.

    Attributes:
        tiers: `(trials,)` strings.
        image_ids: `(trials,)`.
        trial_ids: `(trials,)` strings.
        unit_ids: `(neurons,)`.
        rates: `(trials, neurons)`, expected responses.
        responses: `(trials, neurons)`, none withheld.
        neurons: What each neuron responds to, name to `(neurons, ...)` array, in pixels of the
            models' images and radians: `kind` (`simple` or `complex`), `place` (column and row of
            its centre), `orientation` (of the wave, 0 for vertical bars), `wavelength`, `phase` and
            `size` (standard deviation); empty where the file does not tell.
    """

    tiers: np.ndarray
    image_ids: np.ndarray
    trial_ids: np.ndarray
    unit_ids: np.ndarray
    rates: np.ndarray
    responses: np.ndarray
    neurons: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def save(self, path: str | os.PathLike) -> None:
        """Writes an npz file.

        Raises:
            SensoriumError: If the file cannot be written.
        """
        fields = {name: getattr(self, name) for name in _of_trials()}
        fields |= {f"{_OF_NEURONS}{name}": values for name, values in self.neurons.items()}
        with atomic_write(path, "wb") as file:
            np.savez(file, **{**fields, "trial_ids": self.trial_ids.astype(str)})

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Truth":
        """Reads an npz file as data: arrays of Python objects are refused.

        Args:
            path: `<stem>_truth.npz`, or the simulated recording `<stem>.zip` beside it.

        Raises:
            SensoriumError: If it is missing, damaged or incomplete.
        """
        path = expand(path)
        if path.suffix == ".zip":
            path = path.with_name(f"{path.stem}_truth.npz")
        names = _of_trials()
        with (
            reading(
                path,
                "not the truth of a simulated recording",
                remedy=f"expected an npz file with {', '.join(names)}",
                missing="there is no such truth file",
                begins=ZIP,
            ),
            open_arrays(path, expansion=_EXPANSION) as arrays,
        ):
            if missing := [name for name in names if name not in arrays.headers]:
                raise ValueError(f"{missing[0]} is missing")
            _check_headers(path, {name: arrays.headers[name] for name in names})
            n_neurons = arrays.headers["unit_ids"].shape
            neurons = {
                name.removeprefix(_OF_NEURONS): arrays.read(name)
                for name in arrays.headers
                if name.startswith(_OF_NEURONS)
            }
            for name, values in neurons.items():
                if values.shape[:1] != n_neurons:
                    raise ValueError(f"{_OF_NEURONS}{name} is of {values.shape} neurons")
            truth = cls(**{name: arrays.read(name) for name in names}, neurons=neurons)
        for name in _VALUES:
            if not np.isfinite(getattr(truth, name)).all():
                raise SensoriumError(f"{path}: {name} holds values that are not finite numbers")
        return truth

    def align(
        self, *, trial_ids: np.ndarray, image_ids: np.ndarray, unit_ids: np.ndarray
    ) -> "Truth":
        """Returns the truth of some trials and neurons, in their order.

        Args:
            trial_ids: `(trials,)` strings.
            image_ids: `(trials,)`, the images that the recording showed in them.
            unit_ids: `(neurons,)`.

        Raises:
            SensoriumError: If it does not know one of them, or another image for a trial: it is
                another recording's.
        """
        rows = _positions(self.trial_ids.astype(str), trial_ids, "trial id")
        columns = _positions(self.unit_ids, unit_ids, "unit id")
        # Recordings of one session key have the same trial ids, and may have the same unit ids.
        different = self.image_ids[rows] != image_ids
        if different.any():
            trial = int(np.argmax(different))
            raise SensoriumError(
                f"the truth file has image {self.image_ids[rows[trial]]} for trial "
                f"{trial_ids[trial]}, the recording {image_ids[trial]}: it belongs to another "
                "recording"
            )
        return Truth(
            tiers=self.tiers[rows],
            image_ids=self.image_ids[rows],
            trial_ids=self.trial_ids[rows],
            unit_ids=self.unit_ids[columns],
            rates=self.rates[np.ix_(rows, columns)],
            responses=self.responses[np.ix_(rows, columns)],
            neurons={name: values[columns] for name, values in self.neurons.items()},
        )


def _of_trials() -> list[str]:
    """Returns the names of the arrays that every truth has."""
    return [field.name for field in dataclasses.fields(Truth) if field.name != "neurons"]


def _check_headers(path: Path, headers: Mapping[str, ArrayHeader]) -> None:
    """Raises SensoriumError if the arrays do not fit each other."""
    trials, neurons = headers["trial_ids"].shape[:1], headers["unit_ids"].shape[:1]
    for name, header in headers.items():
        expected = neurons if name == "unit_ids" else trials
        if name in _VALUES:
            expected = trials + neurons
        if header.shape != expected or not header.shape:
            raise SensoriumError(f"{path}: {name} has shape {header.shape}, expected {expected}")
        if name in _VALUES and header.dtype.kind != "f":
            raise SensoriumError(f"{path}: {name} holds values that are not finite numbers")


def _positions(known: np.ndarray, wanted: np.ndarray, what: str) -> np.ndarray:
    """Returns where the wanted ids are among the known ones."""
    position = {value: i for i, value in enumerate(known.tolist())}
    wanted = wanted.tolist()
    missing = next((value for value in wanted if value not in position), None)
    if missing is not None:
        raise SensoriumError(
            f"the truth file knows no {what} {missing}: it belongs to another recording"
        )
    return np.array([position[value] for value in wanted], np.intp)
