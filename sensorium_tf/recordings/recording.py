"""One mouse's recording: opened, checked, and read in bulk."""

import dataclasses
import math
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.files import expand
from sensorium_tf.recordings.catalog import session_key_of
from sensorium_tf.recordings.storage import Storage

#: All tiers; `final_test` is in competition recordings alone.
TIERS = ("train", "validation", "test", "final_test")
#: `(height, width, channels)` of an image as it was recorded.
IMAGE_SHAPE = (144, 256, 1)
#: What a recording holds of every trial.
SIGNALS = ("images", "responses", "behavior", "pupil_center")
# A few numbers a trial, many times as many bytes of file around them: read once.
_SMALL = ("behavior", "pupil_center")
# Some ten times as many as anybody has recorded at once.
_MOST_TRIALS, _MOST_NEURONS = 250_000, 1_000_000
_NEURON_METADATA = ("area", "layer", "animal_ids", "sessions", "scan_idx")


@dataclasses.dataclass(frozen=True, eq=False)
class Statistics:
    """Mean and standard deviation of one signal over the training trials.

    Attributes:
      mean: shape `()` for images, `(columns,)` for the other signals.
      std: same shape.
    """

    mean: np.ndarray
    std: np.ndarray


class Recording:
    """A recording in the published file tree, zip or folder.

    Opening reads and checks the metadata; the signals are read, and checked, when asked for. What
    is only odd (optional metadata missing or unknown, negative responses) is kept and said in a
    Python warning.

    Args:
      path: a zip file or a folder.

    Attributes:
      path: where it lies.
      session_key: such as `26872-17-20`, or the file's name if that holds none.
      tiers: tier of each trial, `(trials,)` strings.
      image_ids: `(trials,)` int64.
      trial_ids: `(trials,)` strings (numbers, or md5 where the competition hides them).
      unit_ids: `(neurons,)` int64.
      cell_motor_coordinates: `(neurons, 3)` float64, micrometres.
      neurons: other metadata of the neurons, name to `(neurons,)` array.
      statistics: signal to its `Statistics`.

    Raises:
      SensoriumError: if it is no recording, or its metadata are missing, damaged or disagree.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = expand(path)
        self._storage = Storage(self.path)
        self.session_key = session_key_of(self._storage.top)
        self.tiers = self._read_tiers()
        self.image_ids = self._read_image_ids()
        self.trial_ids = self._text("meta/trials/trial_idx.npy", self._per_trial("trial_idx"))
        if len(np.unique(self.trial_ids)) < self.n_trials:
            self._warn("some trial ids are there twice: a submission of it cannot be scored")
        self.unit_ids = self._read_unit_ids()
        self.cell_motor_coordinates = self._read_coordinates()
        self.neurons = self._read_neuron_metadata()
        self._signal_names = {signal: self._list_signal(signal) for signal in SIGNALS}
        self.statistics = {signal: self._read_statistics(signal) for signal in SIGNALS}
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
          tier: `train`, `validation`, `test` or `final_test`; may be absent from the recording.
        """
        return np.flatnonzero(self.tiers == tier)

    def read(self, signal: str, trials: Sequence[int] | None = None) -> np.ndarray:
        """Reads one signal of many trials as one array.

        Args:
          signal: `images`, `responses`, `behavior` or `pupil_center`.
          trials: indexes of the trials, all if left out.

        Returns:
          The file's values, float32 (uint8 where the file holds uint8): images
          `(trials, 144, 256, 1)`, grey values 0 to 255; responses `(trials, neurons)`;
          behavior `(trials, 3)`; pupil_center `(trials, 2)`, pixels of the eye camera.

        Raises:
          SensoriumError: if a trial's array is missing, damaged, of the wrong shape or not finite.
        """
        if signal not in SIGNALS:
            raise SensoriumError(f"signal {signal!r}: expected one of {', '.join(SIGNALS)}")
        if trials is None and signal in self._kept:
            return self._kept[signal].copy()
        names = self._signal_names[signal]
        if trials is not None:
            names = [names[trial] for trial in trials]
        values = self._storage.read_stack(names, self._shape(signal))
        if signal == "responses" and values.size and values.min() < 0:
            self._warn("some responses are negative, which deconvolved activity never is: kept")
        if trials is None and signal in _SMALL:
            self._kept[signal] = values.copy()
        return values

    @cached_property
    def withheld_signals(self) -> tuple[str, ...]:
        """Signals that are zero throughout: the competition hides them in this recording."""
        return tuple(signal for signal in _SMALL if not self.read(signal).any())

    def _shape(self, signal: str) -> tuple[int, ...]:
        return {
            "images": IMAGE_SHAPE,
            "responses": (self.n_neurons,),
            "behavior": (3,),
            "pupil_center": (2,),
        }[signal]

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
        unknown = sorted(set(tiers) - set(TIERS))
        if unknown:
            raise SensoriumError(
                f"{self.path}: {name} names the tier {unknown[0]!r}: known are {', '.join(TIERS)}"
            )
        return tiers

    def _per_trial(self, column: str) -> np.ndarray:
        name = f"meta/trials/{column}.npy"
        return self._array(name, (self.n_trials,), ", as many as there are tiers")

    def _read_image_ids(self) -> np.ndarray:
        image_ids = self._per_trial("frame_image_id")
        return self._whole_numbers("meta/trials/frame_image_id.npy", image_ids)

    def _read_unit_ids(self) -> np.ndarray:
        name = "meta/neurons/unit_ids.npy"
        values = self._storage.read(
            name,
            fits=lambda shape: len(shape) == 1 and 0 < shape[0] <= _MOST_NEURONS,
            expected=f"(neurons,), at most {_MOST_NEURONS}",
        )
        unit_ids = self._whole_numbers(name, values)
        if len(np.unique(unit_ids)) < len(unit_ids):
            self._warn("some unit ids are there twice: a submission of it cannot be scored")
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

    def _list_signal(self, signal: str) -> list[str]:
        names = self._storage.names(f"data/{signal}")
        found = {
            int(match[1])
            for name in names
            if (match := re.search(r"/(0|[1-9]\d*)\.npy$", name)) is not None
        }
        expected = set(range(self.n_trials))
        if missing := expected - found:
            raise SensoriumError(
                f"{self.path}: data/{signal}/{min(missing)}.npy is missing ({len(missing)} of "
                f"{self.n_trials} trials): the recording is incomplete, download it again"
            )
        if extra := found - expected:
            raise SensoriumError(
                f"{self.path}: data/{signal}/{min(extra)}.npy is one too many: "
                f"meta/trials/tiers.npy knows {self.n_trials} trials"
            )
        return [f"data/{signal}/{trial}.npy" for trial in range(self.n_trials)]

    def _read_statistics(self, signal: str) -> Statistics:
        columns = () if signal == "images" else self._shape(signal)
        found = {}
        for statistic in ("mean", "std"):
            name = f"meta/statistics/{signal}/all/{statistic}.npy"
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
        std_name = f"meta/statistics/{signal}/all/std.npy"
        if (found["std"] < 0).any():
            raise SensoriumError(f"{self.path}: {std_name} is negative")
        if signal in ("images", "responses") and not found["std"].any():
            raise SensoriumError(f"{self.path}: {std_name} is zero: {signal} never vary")
        return Statistics(**found)
