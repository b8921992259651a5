"""What the objects of an NWB file are made of: trials in their order, columns, packed arrays."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from sensorium_tf.recordings import Recording
from sensorium_tf.recordings.numbers import whole_numbers

#: What every object with times says of them.
NO_CLOCK = (
    "The times of the trials are not known. In place of seconds stand the numbers of the trials: "
    "0 for the first one, 1 for the next."
)


@dataclasses.dataclass(frozen=True, eq=False)
class Order:
    """The order of trials in a file.

    Attributes:
        index: Of each trial, its number in the recording, `(trials,)`.
        is_known: Whether it is that in which they were shown.
    """

    index: np.ndarray
    is_known: bool

    @classmethod
    def of(cls, recording: Recording) -> Self:
        """Returns the order that the trial ids of a recording tell, or else the recording's."""
        if (numbers := whole_numbers(recording.trial_ids)) is not None:
            return cls(np.argsort(numbers, kind="stable"), True)
        return cls(np.arange(recording.n_trials), False)

    @property
    def times(self) -> np.ndarray:
        """What stands in the place of times, `(trials,)`."""
        return np.arange(len(self.index), dtype=np.float64)

    @property
    def note(self) -> str:
        """What the file says of the order."""
        if self.is_known:
            return "Trials are in the order in which they were shown, which their ids tell."
        return (
            "Trial ids are hashed: the order of the trials is that of the recording, which means "
            "nothing."
        )


def columns_of(columns: Mapping[str, tuple[str, np.ndarray]]) -> list[Any]:
    """Returns the columns of a table.

    Args:
        columns: Name to description and values, `(rows, ...)`.
    """
    from hdmf.common import VectorData

    return [
        VectorData(name=name, description=description, data=values)
        for name, (description, values) in columns.items()
    ]


def packed(values: np.ndarray) -> Any:
    """Returns an array that is compressed, without loss, when it is written."""
    from hdmf.backends.hdf5 import H5DataIO

    return H5DataIO(
        np.ascontiguousarray(values), compression="gzip", compression_opts=1, shuffle=True
    )
