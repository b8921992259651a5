"""Arrays and settings as a frozen dataclass that is saved as a file."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sensorium_tf.arrays import open_arrays
from sensorium_tf.errors import SensoriumError
from sensorium_tf.evaluation.tables import Table
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.plotting.style import checked
from sensorium_tf.reading import ZIP, parse_json, reading

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

# The arrays are not compressed.
_EXPANSION = 2
_KIND = "experiment"


def axes(text: str, *, optional: bool = False, is_length: bool = False) -> Any:
    """Returns the field of an array.

    Args:
        text: Its axes, such as `"neurons height width"`: a word stands for one length in all arrays
            of the dataclass, a number for itself.
        optional: Whether it may be None.
        is_length: Whether it is in pixels, which `Result.in_degrees` makes degrees.
    """
    metadata = {"axes": text, "optional": optional, "is_length": is_length}
    return dataclasses.field(repr=False, metadata=metadata)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Saved:
    """What has arrays, the fields made by `axes`, and fields of JSON values beside them."""

    def save(self, path: str | os.PathLike) -> None:
        """Writes an npz file, which holds no Python objects.

        Raises:
            SensoriumError: If the file cannot be written.
        """
        arrays = {name: getattr(self, name) for name in arrays_of(type(self))}
        texts = {name: json.dumps(getattr(self, name)) for name in _texts_of(type(self))}
        with atomic_write(path, "wb") as file:
            np.savez(
                file,
                **{_KIND: np.array(type(self).__name__)},
                **{name: np.array(text) for name, text in texts.items()},
                **{name: values for name, values in arrays.items() if values is not None},
            )

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Reads what `save` wrote, as data: arrays of Python objects are refused.

        Raises:
            SensoriumError: If it is missing, damaged, or another experiment's.
        """
        path = expand(path)
        with reading(
            path,
            f"not a saved {cls.__name__}",
            missing="there is no such file",
            begins=ZIP,
        ):
            with open_arrays(path, expansion=_EXPANSION) as file:
                kind = _text(file.read(_KIND))
                if kind != cls.__name__:
                    raise ValueError(f"it is of {kind[:40]!r}")
                values = {
                    name: parse_json(_text(file.read(name)).encode()) for name in _texts_of(cls)
                }
                fields = arrays_of(cls)
                found = {name: file.read(name) for name in fields if name in file.headers}
            absent = {name for name in fields if name not in found}
            missing = [name for name in absent if not fields[name].metadata["optional"]]
            missing += [
                name for name, kind in _texts_of(cls).items() if type(values[name]) is not kind
            ]
            if missing:
                raise ValueError(f"{', '.join(sorted(missing))} missing")
            shapes = {name: (found[name], fields[name].metadata["axes"]) for name in found}
            try:
                checked(shapes, with_nan=found)
            except SensoriumError as e:  # of arrays, which know no file
                raise ValueError(str(e)) from e
        return cls(**values, **found, **dict.fromkeys(absent, None))

    def figure(self) -> "Figure":
        """Returns a Matplotlib figure; each experiment says of what."""
        raise SensoriumError(f"{type(self).__name__}: has no figure")

    def rows(self) -> Table:
        """Returns its numbers as a table."""
        raise SensoriumError(f"{type(self).__name__}: has no table")

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns the rows as a data frame.

        Raises:
            SensoriumError: If pandas is not installed.
        """
        return self.rows().to_pandas()


def arrays_of(cls: type[Saved]) -> dict[str, dataclasses.Field]:
    """Returns the fields of a dataclass that are arrays, by name."""
    return {each.name: each for each in dataclasses.fields(cls) if "axes" in each.metadata}


def _texts_of(cls: type[Saved]) -> dict[str, type]:
    """Returns the fields of JSON values, by name, and what JSON makes of them."""
    arrays = arrays_of(cls)
    kinds = {str: str, Mapping[str, Any]: dict, tuple[str, ...]: list}
    return {
        each.name: kinds[each.type] for each in dataclasses.fields(cls) if each.name not in arrays
    }


def _text(value: np.ndarray) -> str:
    if value.shape or value.dtype.kind != "U":
        raise ValueError("a text in it is none")
    return str(value)
