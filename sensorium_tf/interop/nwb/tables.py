"""Tables of an NWB file: columns that share their rows."""

import math
import warnings
from collections.abc import Collection

import h5py
import numpy as np

from sensorium_tf.config import hint
from sensorium_tf.errors import AccessError, SensoriumError, shown
from sensorium_tf.interop.nwb.hdf5 import Hdf5File
from sensorium_tf.interop.nwb.names import TABLE_COLUMNS, metadata_name
from sensorium_tf.recordings.numbers import whole_numbers
from sensorium_tf.recordings.writer import is_metadata_name

# Of columns that are other tables' business, such as how many of its rows belong to one of ours.
_NOT_VALUES = ("VectorIndex", "DynamicTableRegion", "TimeSeriesReferenceVectorData")
# Of a row: where a cell's pixels or its trace begin.
_MOST_VALUES = 1024


class Table:
    """A table of an NWB file.

    Args:
        file: The file.
        node: Its group.
        name: Of it, for messages.
        most_rows: More rows than that, no such table has.

    Attributes:
        n_rows: Number of rows.

    Raises:
        SensoriumError: If it is no table.
    """

    def __init__(self, file: Hdf5File, node: object, name: str, *, most_rows: int):
        ids = file.get("id", node) if isinstance(node, h5py.Group) else None
        if ids is None:
            raise SensoriumError(f"{file.path}: {name} is no table: it has no ids")
        self._file, self._node, self._name = file, node, name
        shape = file.shape(ids, f"{name}/id")
        if len(shape) != 1 or not 0 < shape[0] <= most_rows:
            raise SensoriumError(
                f"{file.path}: {name}/id has shape {shape}, expected 1 to {most_rows} rows"
            )
        (self.n_rows,) = shape

    def column(self, name: str) -> np.ndarray:
        """Returns a column, `(rows, ...)` numbers or text.

        Raises:
            SensoriumError: If there is none, or it has other rows than the table.
        """
        path = f"{self._name}/{name}"
        node = self._file.get(name, self._node)
        if node is None:
            there = self._file.children(self._node)
            raise SensoriumError(f"{self._file.path}: {path}: no such column: {hint(name, there)}")
        shape = self._file.shape(node, path)
        if shape[:1] != (self.n_rows,):
            raise SensoriumError(
                f"{self._file.path}: {path} has shape {shape}, expected {self.n_rows} rows"
            )
        return self._file.read(node, path)

    def others(self, used: Collection[str]) -> dict[str, np.ndarray]:
        """Returns the other columns by the names of the metadata; says which are left out.

        Args:
            used: Columns that have a meaning of their own.
        """
        found, left_out = {}, []
        for name in self._file.children(self._node):
            if name in used or name in TABLE_COLUMNS:
                continue
            try:
                if not is_metadata_name(metadata_name(name)):
                    raise SensoriumError(f"{name} is no name of metadata")
                node = self._file.get(name, self._node)
                kind = self._file.attribute(node, "neurodata_type")
                if kind in _NOT_VALUES or self._file.get(f"{name}_index", self._node) is not None:
                    raise SensoriumError(f"{name} has any number of values a row")
                if math.prod(self._file.shape(node, name)[1:]) > _MOST_VALUES:
                    raise SensoriumError(f"{name} holds more of each row than metadata do")
                found[metadata_name(name)] = self.column(name)
            except AccessError:
                raise
            except SensoriumError:
                left_out.append(name)
        if left_out:
            warnings.warn(
                f"{self._file.path}: left out columns of {self._name} that are not "
                f"some numbers or texts of each row: {', '.join(map(shown, left_out))}",
                stacklevel=3,
            )
        return found


def as_text(values: np.ndarray) -> np.ndarray:
    """Returns ids or names as strings, whole floats without their point."""
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values % 1 == 0).all():
        values = values.astype(np.int64)
    return values.astype(str)


def as_ids(values: np.ndarray, name: str) -> np.ndarray:
    """Returns ids as int64; those that are no numbers are numbered in their order.

    Args:
        values: `(rows,)`.
        name: Of them, for messages.

    Raises:
        SensoriumError: If they are not one a row.
    """
    if values.ndim != 1:
        raise SensoriumError(f"{name} has shape {values.shape}, expected one id a row")
    text = as_text(values)
    if (numbers := whole_numbers(text)) is not None:
        return numbers
    return np.unique(text, return_inverse=True)[1].astype(np.int64)
