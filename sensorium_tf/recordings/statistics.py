"""Statistics of a recording's signals over some trials."""

from collections.abc import Iterable

import numpy as np

_STATISTICS = ("mean", "std", "min", "max", "median")


def pixel_statistics(blocks: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
    """Returns statistics over all pixels, by how often each brightness occurs.

    Args:
        blocks: The images, some at a time, of any shape.

    Returns:
        `mean`, `std`, `min`, `max` and `median`, float64 scalars.
    """
    found = [np.unique(block, return_counts=True) for block in blocks]
    values, rows = np.unique(np.concatenate([v for v, _ in found]), return_inverse=True)
    counts = np.bincount(rows, np.concatenate([c for _, c in found]))
    values = values.astype(np.float64)
    mean = np.average(values, weights=counts)
    below = np.cumsum(counts)
    middle = [
        np.searchsorted(below, half, "right") for half in ((below[-1] - 1) // 2, below[-1] // 2)
    ]
    return {
        "mean": mean,
        "std": np.sqrt(np.average((values - mean) ** 2, weights=counts)),
        "min": values[0],
        "max": values[-1],
        "median": values[middle].mean(),
    }


def column_statistics(values: np.ndarray) -> dict[str, np.ndarray]:
    """Returns statistics of every column.

    Args:
        values: `(trials, columns)`.

    Returns:
        `mean`, `std`, `min`, `max` and `median`, float64 `(columns,)` each.
    """
    values = values.astype(np.float64)
    return {name: getattr(np, name)(values, axis=0) for name in _STATISTICS}
