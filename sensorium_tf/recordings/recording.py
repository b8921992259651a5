"""One mouse's recording: opened, checked, and read in bulk."""

import dataclasses
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.recordings.signals import find_signals
from sensorium_tf.recordings.statistics import column_statistics, pixel_statistics
from sensorium_tf.recordings.storage import Storage
from sensorium_tf.specs import IMAGE, RESPONSE, RecordingSpec

# Some ten times as many as anybody has recorded at once.
_MOST_TRIALS, _MOST_NEURONS = 250_000, 1_000_000
# Under one of these names a recording keeps its image ids.
_IMAGE_IDS = ("frame_image_id", "colorframeprojector_image_id", "image_id")
_TRIALS_PER_BLOCK = 128
_NEURON_METADATA = ("area", "layer", "animal_ids", "sessions", "scan_idx")


@dataclasses.dataclass(frozen=True, eq=False)
class Statistics:
    """Mean and standard deviation of one signal over the training trials.

    Attributes:
        mean: Shape `()` for the image, `(columns,)` for the other signals.
        std: Same shape.
    """

    mean: np.ndarray
    std: np.ndarray


class Recording:
    """A recording in the published file tree, zip or folder.

    Opening reads and checks the metadata and finds the signals; these are read, and checked, when
    asked for. What is only odd (optional metadata missing or unknown, statistics missing, negative
    responses) is kept and said in a Python warning.

    Args:
        path: A zip file or a folder.
        challenge: The benchmark whose signals, tiers and file names it has; images may be of any
            size, behavior and pupil center may be absent and further signals there.

    Attributes:
        path: Where it lies.
        challenge: The benchmark.
        session_key: Such as `26872-17-20`, or the file's name if that holds none.
        tiers: Tier of each trial, `(trials,)` strings.
        image_ids: `(trials,)` int64.
        trial_ids: `(trials,)` strings (numbers, or md5 where the competition hides them).
        unit_ids: `(neurons,)` int64.
        cell_motor_coordinates: `(neurons, 3)` float64, micrometres.
        neurons: Other metadata of the neurons, name to `(neurons,)` array.
        spec: The signals that it holds, every shape known.

    Raises:
        SensoriumError: If it is no recording, or its metadata are missing, damaged or disagree.
    """

    def __init__(self, path: str | os.PathLike, *, challenge: Challenge = DEFAULT):
        self.path = expand(path)
        self.challenge = challenge
        self._storage = Storage(self.path)
        self.session_key = challenge.session_key_of(self._storage.top)
        self.tiers = self._read_tiers()
        self.image_ids = self._read_image_ids()
        self.trial_ids = self._text("meta/trials/trial_idx.npy", self._per_trial("trial_idx"))
        if len(np.unique(self.trial_ids)) < self.n_trials:
            self._warn("some trial ids are duplicates: a submission of it cannot be scored")
        self.unit_ids = self._read_unit_ids()
        self.cell_motor_coordinates = self._read_coordinates()
        self.neurons = self._read_neuron_metadata()
        self._signals = find_signals(
            self._storage,
            challenge.recording,
            n_trials=self.n_trials,
            n_neurons=self.n_neurons,
            warn=self._warn,
        )
        self.spec = RecordingSpec(tuple(files.spec for files in self._signals.values()))
        self._statistics = {name: self._read_statistics(name) for name in self.spec.names}
        self._kept: dict[str, np.ndarray] = {}

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file behind it."""
        self._storage.close()

    def __repr__(self) -> str:
        return (
            f"Recording({str(self.path)!r}: session {self.session_key}, {self.n_trials} trials, "
            f"{self.n_neurons} neurons)"
        )

    @property
    def n_trials(self) -> int:
        """Number of trials of all tiers."""
        return len(self.tiers)

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return len(self.unit_ids)

    def trials_of(self, tier: str) -> np.ndarray:
        """Returns the indexes of a tier's trials, ascending.

        Args:
            tier: One of the challenge's; may be absent from the recording.
        """
        return np.flatnonzero(self.tiers == tier)

    def read(self, signal: str, trials: Sequence[int] | None = None) -> np.ndarray:
        """Reads one signal of many trials as one array.

        Args:
            signal: Name of a signal that it holds: `image`, `response`, `behavior` ...
            trials: Indexes of the trials, all if left out.

        Returns:
            The file's values, float32 (uint8 where the file holds uint8): images `(trials, height,
            width, channels)`, grey values 0 to 255; responses `(trials, neurons)`; context signals
            `(trials, columns)`.

        Raises:
            SensoriumError: If it has no such signal, or a trial's array is missing, damaged, of the
                wrong shape or not finite.
        """
        spec = self.spec[signal]
        if trials is None and signal in self._kept:
            return self._kept[signal].copy()
        names = self._signals[signal].names
        if trials is not None:
            names = [names[trial] for trial in trials]
        if spec.role == "stimulus":
            height, width, channels = spec.shape
            values = self._storage.read_stack(names, (channels, height, width))
            return np.ascontiguousarray(np.moveaxis(values, 1, -1))
        values = self._storage.read_stack(names, spec.shape)
        if spec.role == "response" and values.size and values.min() < 0:
            self._warn("some responses are negative, which deconvolved activity never is: kept")
        # A few numbers a trial, many times as many bytes of file around them: read once.
        if trials is None and spec.role == "context":
            self._kept[signal] = values.copy()
        return values

    @cached_property
    def statistics(self) -> Mapping[str, Statistics]:
        """Signal to its `Statistics`; those that the file does not hold are computed.

        Raises:
            SensoriumError: If some have to be computed and there is no training trial, or their
                values cannot be read.
        """
        missing = [name for name, found in self._statistics.items() if found is None]
        if missing:
            self._warn(f"no statistics of {', '.join(missing)}: computed over the training trials")
        computed = {name: self._compute_statistics(name) for name in missing}
        return {**self._statistics, **computed}

    @cached_property
    def withheld_signals(self) -> tuple[str, ...]:
        """Signals that are zero throughout: the competition hides them in this recording."""
        return tuple(each.name for each in self.spec.context if not self.read(each.name).any())

    def _warn(self, text: str) -> None:
        warnings.warn(f"{self.path}: {text}", stacklevel=3)

    def _array(self, name: str, shape: tuple[int, ...], why: str = "") -> np.ndarray:
        """Reads an array of this shape."""
        return self._storage.read(name, fits=lambda found: found == shape, expected=f"{shape}{why}")

    def _numbers(self, name: str, values: np.ndarray) -> np.ndarray:
        """Returns an array that has to hold finite numbers."""
        if values.dtype.kind not in "biuf":
            raise SensoriumError(f"{self.path}: {name} holds {values.dtype}, expected numbers")
        if not np.isfinite(values).all():
            raise SensoriumError(f"{self.path}: {name} holds NaN or infinity")
        return values

    def _whole_numbers(self, name: str, values: np.ndarray) -> np.ndarray:
        """Returns ids as int64."""
        whole = values.dtype.kind in "iuf" and np.isfinite(values).all() and (values % 1 == 0).all()
        if not whole or (np.abs(values.astype(np.float64)) >= 2**63).any():
            raise SensoriumError(f"{self.path}: {name} holds ids that are not whole numbers")
        return values.astype(np.int64)

    def _text(self, name: str, values: np.ndarray) -> np.ndarray:
        """Returns names or ids as strings."""
        try:
            if values.dtype.kind not in "SUiu":
                raise ValueError(f"{values.dtype} values")
            text = values.astype(str)
            "".join(text.ravel()).encode()
        except (SystemError, ValueError) as e:
            raise SensoriumError(f"{self.path}: {name} is not text ({e})") from e
        return text

    def _read_tiers(self) -> np.ndarray:
        name = "meta/trials/tiers.npy"
        tiers = self._text(
            name,
            self._storage.read(
                name,
                fits=lambda shape: len(shape) == 1 and 0 < shape[0] <= _MOST_TRIALS,
                expected=f"(trials,), at most {_MOST_TRIALS}",
            ),
        )
        known = self.challenge.tiers
        unknown = sorted(set(tiers) - set(known))
        if unknown:
            raise SensoriumError(
                f"{self.path}: {name} names the tier {unknown[0]!r}: known are {', '.join(known)}"
            )
        return tiers

    def _per_trial(self, column: str) -> np.ndarray:
        name = f"meta/trials/{column}.npy"
        return self._array(name, (self.n_trials,), ", as many as there are tiers")

    def _read_image_ids(self) -> np.ndarray:
        there = self._storage.names("meta/trials")
        columns = [name for name in _IMAGE_IDS if f"meta/trials/{name}.npy" in there]
        column = (columns or _IMAGE_IDS)[0]
        return self._whole_numbers(f"meta/trials/{column}.npy", self._per_trial(column))

    def _read_unit_ids(self) -> np.ndarray:
        name = "meta/neurons/unit_ids.npy"
        values = self._storage.read(
            name,
            fits=lambda shape: len(shape) == 1 and 0 < shape[0] <= _MOST_NEURONS,
            expected=f"(neurons,), at most {_MOST_NEURONS}",
        )
        unit_ids = self._whole_numbers(name, values)
        if len(np.unique(unit_ids)) < len(unit_ids):
            self._warn("some unit ids are duplicates: a submission of it cannot be scored")
        return unit_ids

    def _read_coordinates(self) -> np.ndarray:
        name = "meta/neurons/cell_motor_coordinates.npy"
        why = ": three micrometres for each of the unit ids"
        coordinates = self._array(name, (self.n_neurons, 3), why)
        return self._numbers(name, coordinates).astype(np.float64)

    def _read_neuron_metadata(self) -> Mapping[str, np.ndarray]:
        known = {f"meta/neurons/{column}.npy" for column in _NEURON_METADATA}
        present = set(self._storage.names("meta/neurons")) - {
            "meta/neurons/unit_ids.npy",
            "meta/neurons/cell_motor_coordinates.npy",
        }
        if known - present:
            self._warn(f"optional metadata are missing: {', '.join(sorted(known - present))}")
        if present - known:
            self._warn(f"kept metadata that are not known: {', '.join(sorted(present - known))}")
        metadata = {}
        for name in sorted(present):
            try:
                values = self._storage.read(
                    name,
                    fits=lambda shape: shape[:1] == (self.n_neurons,),
                    expected=f"({self.n_neurons}, ...), a row for each neuron",
                )
                if values.dtype.kind in "SU":
                    values = self._text(name, values)
                elif values.dtype.kind not in "biuf":
                    raise SensoriumError(f"{name} holds {values.dtype}, expected numbers or text")
            except SensoriumError as e:
                self._warn(f"left out optional metadata: {e}")
                continue
            if values.dtype.kind == "f":
                values = values.astype(np.float64)
            metadata[name.removeprefix("meta/neurons/").removesuffix(".npy")] = values
        return metadata

    def _read_statistics(self, signal: str) -> Statistics | None:
        """Returns what the file says of a signal; None if it says nothing."""
        spec = self.spec[signal]
        folder = f"meta/statistics/{spec.folder}/all"
        names = {statistic: f"{folder}/{statistic}.npy" for statistic in ("mean", "std")}
        if not set(names.values()) <= set(self._storage.names(folder)):
            return None
        columns = () if signal == IMAGE else spec.shape
        found = {}
        for statistic, name in names.items():
            values = self._storage.read(
                name,
                fits=lambda shape: math.prod(shape) == math.prod(columns),
                expected=str(columns),
            )
            values = self._numbers(name, values)
            # Models compute in float32, so a value beyond it would be infinite or zero there.
            with np.errstate(over="ignore"):
                narrow = values.astype(np.float32)
            if not np.isfinite(narrow).all() or ((values != 0) & (narrow == 0)).any():
                raise SensoriumError(f"{self.path}: {name} holds values beyond float32's range")
            found[statistic] = values.reshape(columns).astype(np.float64)
        if (found["std"] < 0).any():
            raise SensoriumError(f"{self.path}: {names['std']} is negative")
        if signal in (IMAGE, RESPONSE) and not found["std"].any():
            raise SensoriumError(f"{self.path}: {names['std']} is zero: {spec.folder} never vary")
        return Statistics(**found)

    def _compute_statistics(self, signal: str) -> Statistics:
        """Returns the statistics of a signal over the training trials."""
        tier = self.challenge.training_tier
        trials = self.trials_of(tier)
        if not trials.size:
            raise SensoriumError(f"{self.path}: no trial is in tier {tier!r}: statistics need some")
        if signal == IMAGE:
            found = pixel_statistics(
                self.read(signal, trials[start : start + _TRIALS_PER_BLOCK])
                for start in range(0, len(trials), _TRIALS_PER_BLOCK)
            )
        else:
            found = column_statistics(self.read(signal, trials))
        if signal in (IMAGE, RESPONSE) and not found["std"].any():
            folder = self.spec[signal].folder
            raise SensoriumError(f"{self.path}: data/{folder} never vary in tier {tier!r}")
        return Statistics(mean=np.asarray(found["mean"]), std=np.asarray(found["std"]))
