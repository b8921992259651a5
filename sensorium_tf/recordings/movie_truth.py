"""What a simulated recording of movies does not hold: its true rates and withheld responses."""

import contextlib
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from sensorium_tf.arrays import open_arrays
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.reading import ZIP, reading
from sensorium_tf.recordings.archive import add_array

_TRIALS = ("tiers", "trial_ids", "video_ids", "n_frames")
_VALUES = ("rates", "responses")
_OF_NEURONS = "neuron_"
# Rates and responses of neurons hardly compress.
_EXPANSION = 50


class MovieTruth:
    """The truth of a simulated recording of movies, read trial by trial: from `MovieTruth.open`.

    Args:
        arrays: Those of the open file, which stays open.

    Attributes:
        tiers: `(trials,)` strings.
        trial_ids: `(trials,)`.
        video_ids: `(trials,)`; repeats of a movie share it.
        n_frames: `(trials,)`, valid frames.
        unit_ids: `(neurons,)`.
        neurons: What each neuron responds to, name to `(neurons, ...)`, as of `Truth`; beside that
            `direction` (radians, of the motion that it prefers), `selectivity` (0 to 1, for that
            direction against the opposite one) and `frequency` (cycles a second).
    """

    def __init__(self, arrays: Any):
        self._arrays = arrays
        for name in (*_TRIALS, "unit_ids"):
            if name not in arrays.headers:
                raise ValueError(f"{name} is missing")
            setattr(self, name, arrays.read(name))
        self.neurons = {
            name.removeprefix(_OF_NEURONS): arrays.read(name)
            for name in arrays.headers
            if name.startswith(_OF_NEURONS)
        }

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: str | os.PathLike) -> Iterator["MovieTruth"]:
        """Opens `<stem>_truth.npz`, or that beside the simulated recording `<stem>.zip`.

        Raises:
            SensoriumError: If it is missing, damaged or incomplete.
        """
        path = expand(path)
        if path.suffix == ".zip":
            path = path.with_name(f"{path.stem}_truth.npz")
        with (
            reading(
                path,
                "not the truth of a simulated recording of movies",
                missing="there is no such truth file",
                begins=ZIP,
            ),
            open_arrays(path, expansion=_EXPANSION) as arrays,
        ):
            yield cls(arrays)

    def rates(self, trial: int) -> np.ndarray:
        """Returns the expected responses of a trial, `(frames, neurons)`, in raw units."""
        return self._read("rates", trial)

    def responses(self, trial: int) -> np.ndarray:
        """Returns the responses of a trial, never withheld, `(frames, neurons)`."""
        return self._read("responses", trial)

    def _read(self, name: str, trial: int) -> np.ndarray:
        values = self._arrays.read(f"{name}_{trial}")
        expected = (int(self.n_frames[trial]), len(self.unit_ids))
        if values.shape != expected or not np.isfinite(values).all():
            raise SensoriumError(
                f"truth of trial {trial}: {name} has shape {values.shape}, expected finite numbers "
                f"of shape {expected}"
            )
        return values


@contextlib.contextmanager
def write_movie_truth(
    path: str | os.PathLike,
    *,
    trials: Mapping[str, np.ndarray],
    unit_ids: np.ndarray,
    neurons: Mapping[str, np.ndarray],
) -> Iterator[Callable[[int, np.ndarray, np.ndarray], None]]:
    """Writes the truth of a simulated recording of movies, trial by trial.

    Args:
        path: The npz file; it is complete or not there.
        trials: `tiers`, `trial_ids`, `video_ids` and `n_frames`, `(trials,)` each.
        unit_ids: `(neurons,)`.
        neurons: As of `MovieTruth`.

    Yields:
        What adds a trial: called with its index, rates and responses, `(frames, neurons)` each.

    Raises:
        SensoriumError: If the file cannot be written.
    """
    with atomic_write(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for name in _TRIALS:
            add_array(archive, name, trials[name])
        add_array(archive, "unit_ids", unit_ids)
        for name, values in neurons.items():
            add_array(archive, f"{_OF_NEURONS}{name}", values)

        def add(index: int, rates: np.ndarray, responses: np.ndarray) -> None:
            for name, values in zip(_VALUES, (rates, responses), strict=True):
                add_array(archive, f"{name}_{index}", np.asarray(values, np.float32))

        yield add
