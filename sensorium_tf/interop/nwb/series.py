"""Series of an NWB file, with one row for each trial: as they are, or their means over a window."""

import dataclasses

import h5py
import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.interop.nwb.hdf5 import Hdf5File
from sensorium_tf.interop.nwb.tables import Table
from sensorium_tf.progress import progress


@dataclasses.dataclass(frozen=True)
class Window:
    """The seconds after the start of each trial over which series that run on are averaged.

    Attributes:
        start: First of them.
        stop: Their end, which is not one of them.
    """

    start: float
    stop: float


class SeriesReader:
    """Reads the series of a file.

    Args:
        file: The file.
        trials: The table of its trials.
        rows: Those of the trials that are wanted, in their order.
        window: Over which to average series that run on; None to refuse those.
    """

    def __init__(self, file: Hdf5File, trials: Table, rows: np.ndarray, window: Window | None):
        self._file, self._trials, self._rows, self._window = file, trials, rows, window

    def read(self, path: str) -> np.ndarray:
        """Returns a series, or a column of the trials, `(rows, columns)` in its unit.

        Raises:
            SensoriumError: If there is no such series of numbers, or it has no value for a trial.
        """
        file, n_trials = self._file, self._trials.n_rows
        node = file.find(path)
        data = file.get("data", node) if isinstance(node, h5py.Group) else node
        if data is None:
            raise SensoriumError(f"{file.path}: {path} is no series: it has no data")
        shape = file.shape(data, path)
        if len(shape) not in (1, 2):
            raise SensoriumError(f"{file.path}: {path} has shape {shape}, expected rows of numbers")
        if shape[0] == n_trials:
            values = file.read(data, path)[self._rows]
        elif self._window is not None and node is not data:
            values = self._means(node, data, path)
        else:
            raise SensoriumError(
                f"{file.path}: {path} has shape {shape}, expected a row for each of the {n_trials} "
                "trials: give window_start and window_stop, the seconds after the start of a trial "
                "over which to take the mean"
            )
        if values.dtype.kind not in "biuf":
            raise SensoriumError(f"{file.path}: {path} holds {values.dtype}, expected numbers")
        values = values.reshape(len(self._rows), -1)
        factor, offset = self._number(data, "conversion", 1), self._number(data, "offset", 0)
        return values if (factor, offset) == (1, 0) else values * factor + offset

    def _means(self, series: h5py.Group, data: h5py.Dataset, path: str) -> np.ndarray:
        """Returns the mean over the window of each trial, `(rows, ...)` float64."""
        file = self._file
        times = self._times(series, path, file.shape(data, path)[0])
        starts = self._trials.column("start_time")[self._rows]
        if starts.ndim != 1 or starts.dtype.kind not in "iuf" or not np.isfinite(starts).all():
            raise SensoriumError(f"{file.path}: the start times of the trials are no times")
        first = np.searchsorted(times, starts + self._window.start)
        last = np.searchsorted(times, starts + self._window.stop)
        if (empty := np.flatnonzero(last <= first)).size:
            raise SensoriumError(
                f"{file.path}: {path} has no sample in the window of {empty.size} trials, row "
                f"{self._rows[empty[0]]} among them: choose another window, or leave these trials "
                "out by their tier"
            )
        bounds = list(map(slice, first.tolist(), last.tolist()))
        blocks = file.blocks(data, path, bounds)
        return np.array(
            [
                next(blocks).mean(axis=0, dtype=np.float64)
                for _ in progress(bounds, f"reading {path.rpartition('/')[2]}")
            ]
        )

    def _times(self, series: h5py.Group, path: str, n_samples: int) -> np.ndarray:
        """Returns when the samples of a series were taken, `(samples,)` seconds."""
        file = self._file
        if (stamps := file.get("timestamps", series)) is not None:
            times = file.read(stamps, f"{path}/timestamps")
        else:
            start = file.get("starting_time", series)
            if start is None:
                raise SensoriumError(f"{file.path}: {path} has neither timestamps nor a rate")
            rate = self._number(start, "rate", 0)
            if rate <= 0:
                raise SensoriumError(f"{file.path}: {path} has rate {rate}, expected more than 0")
            times = file.read(start, f"{path}/starting_time") + np.arange(n_samples) / rate
        plain = times.dtype.kind in "iuf" and times.shape == (n_samples,)
        if not plain or not np.isfinite(times).all() or (np.diff(times) < 0).any():
            raise SensoriumError(
                f"{file.path}: {path}: its {n_samples} samples are not at ascending times"
            )
        return times

    def _number(self, node: h5py.Dataset, name: str, default: float) -> float:
        """Returns an attribute that is a finite number."""
        value = np.asarray(self._file.attribute(node, name))
        if value.dtype == object and value.item() is None:
            return default
        if value.size != 1 or value.dtype.kind not in "iuf" or not np.isfinite(value).all():
            raise SensoriumError(f"{self._file.path}: {name} of {node.name} is no finite number")
        return float(value.item())
