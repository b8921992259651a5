"""Arrays of many rows, of which only blocks have to be in memory."""

import math
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np

#: What is read, computed or written at once.
BLOCK_BYTES = 1 << 25


@runtime_checkable
class ArrayOfRows(Protocol):
    """What is read like an array, some rows at a time."""

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""

    @property
    def dtype(self) -> np.dtype:
        """As of an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice | np.ndarray) -> np.ndarray: ...


def blocks_of(
    values: np.ndarray | ArrayOfRows, rows: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Yields some rows of an array, or all, a block at a time: no copy of them all.

    Args:
        values: `(rows, ...)`.
        rows: Indexes of those that are wanted; all if left out.
    """
    n_rows = len(values) if rows is None else len(rows)
    n = max(1, BLOCK_BYTES // (math.prod(values.shape[1:]) * values.dtype.itemsize or 1))
    for start in range(0, n_rows, n):
        block = slice(start, start + n)
        yield values[block if rows is None else rows[block]]
