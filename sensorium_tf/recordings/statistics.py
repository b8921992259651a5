"""Statistics of a recording's signals over some trials: as its files have them, or computed."""

import dataclasses
import math
from collections.abc import Callable, Iterable

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings.metadata import finite_numbers
from sensorium_tf.recordings.storage import Storage
from sensorium_tf.recordings.time_axis import file_frame_shape, fits_file, time_first
from sensorium_tf.specs import SignalSpec

#: What is taken of each column.
STATISTICS = ("mean", "std", "min", "max", "median")
# Without these the others are of no use.
_REQUIRED = ("mean", "std")
# Whole grey values are 256; of more values each is not counted.
_MOST_BRIGHTNESSES = 1 << 16


@dataclasses.dataclass(frozen=True, eq=False)
class Statistics:
    """Mean and standard deviation of one signal over the training trials.

    Attributes:
        mean: Shape `()` for the image, `(columns,)` for the other signals.
        std: Same shape.
    """

    mean: np.ndarray
    std: np.ndarray


@dataclasses.dataclass(frozen=True)
class Moments:
    """Number, mean and spread of some values; those of two groups add up to those of both.

    Groups are put together as in Chan, Golub and LeVeque 1983 ("Algorithms for computing the sample
    variance"): no difference of large numbers is taken, so that a spread that is small beside the
    mean keeps its digits.

    Attributes:
        n: How many values.
        mean: Their mean; 0 without values.
        squares: Sum of their squared deviations from it.
    """

    n: int = 0
    mean: float = 0.0
    squares: float = 0.0

    @classmethod
    def of_rows(cls, rows: np.ndarray) -> "Moments":
        """Returns those of all values of an array, `(rows, values)` float32, a row at a time."""
        found = np.empty((2, len(rows)))
        deviations = np.empty(rows.shape[1], np.float32)  # stays in the processor's cache
        for number, row in enumerate(rows):
            np.subtract(row, center := row.mean(), out=deviations)
            found[:, number] = center, np.dot(deviations, deviations)
        mean = float(found[0].mean()) if len(rows) else 0.0
        between = rows.shape[1] * ((found[0] - mean) ** 2).sum()
        return cls(rows.size, mean, float(found[1].sum() + between))

    def __add__(self, other: "Moments") -> "Moments":
        n = self.n + other.n
        if not n:
            return self
        share, apart = other.n / n, other.mean - self.mean
        squares = self.squares + other.squares + apart**2 * share * self.n
        return Moments(n, self.mean + apart * share, squares)

    @property
    def std(self) -> float:
        """The standard deviation; 0 without values."""
        return math.sqrt(self.squares / self.n) if self.n else 0.0


def statistics_shape(signal: SignalSpec) -> tuple[int, ...]:
    """Returns the shape of a statistic: `()` for the image, `(columns,)` for other signals."""
    return () if signal.role == "stimulus" else signal.shape


def read_statistics(storage: Storage, signal: SignalSpec) -> dict[str, np.ndarray]:
    """Returns what the files say of a signal, name to values; nothing without mean or std.

    Args:
        storage: The recording's files.
        signal: The signal, its shape known.

    Raises:
        SensoriumError: If a statistic is of another shape, not finite, beyond float32's range or no
            deviation.
    """
    folder = f"meta/statistics/{signal.folder}/all"
    there = set(storage.names(folder))
    names = {each: f"{folder}/{each}.npy" for each in STATISTICS}
    if not {names[each] for each in _REQUIRED} <= there:
        return {}
    found = {}
    for statistic, name in names.items():
        if name not in there:
            continue
        try:
            found[statistic] = _read(storage, name, signal)
        except SensoriumError as e:
            if statistic in _REQUIRED:
                raise
            storage.warn(f"left out optional statistics: {e}")
    if not np.isfinite(found["mean"]).any() or (found["std"] < 0).any():
        raise SensoriumError(f"{storage.path}: {names['std']} is negative, or no mean is known")
    if signal.role != "context" and not found["std"].any():
        raise SensoriumError(f"{storage.path}: {names['std']} is zero: {signal.folder} never vary")
    return found


def _read(storage: Storage, name: str, signal: SignalSpec) -> np.ndarray:
    if signal.time_axis is not None:
        return _read_of_frames(storage, name, signal)
    shape = statistics_shape(signal)
    values = storage.read(
        name,
        fits=lambda found: math.prod(found) == math.prod(shape),
        expected=str(shape),
    )
    values = finite_numbers(storage, name, values)
    # Models compute in float32, so a value beyond it would be infinite or zero there.
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    if not np.isfinite(narrow).all() or ((values != 0) & (narrow == 0)).any():
        raise SensoriumError(f"{storage.path}: {name} holds values beyond float32's range")
    return values.reshape(shape)


def _read_of_frames(storage: Storage, name: str, signal: SignalSpec) -> np.ndarray:
    """Returns a statistic of each frame, time first; NaN where no trial was so long."""
    values = storage.read(
        name,
        fits=lambda found: fits_file(found, signal),
        expected=f"{file_frame_shape(signal)} and an axis of time",
    )
    if values.dtype.kind not in "biuf" or np.isinf(values).any():
        raise SensoriumError(f"{storage.path}: {name} holds infinity, or no numbers")
    return time_first(values, signal).astype(np.float64)


def pixel_statistics(blocks: Callable[[], Iterable[np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns statistics over all pixels, of which only blocks are in memory.

    Args:
        blocks: Returns the images, some at a time, of any shape; called once for whole grey values,
            three times for others, whose statistics are those of float32.

    Returns:
        `mean`, `std`, `min`, `max` and `median`, float64 scalars.
    """
    values, counts = np.empty(0), np.empty(0)
    for block in blocks():
        found, n = np.unique(block, return_counts=True)
        values, rows = np.unique(np.concatenate([values, found]), return_inverse=True)
        counts = np.bincount(rows, np.concatenate([counts, n]))
        if len(values) > _MOST_BRIGHTNESSES:
            return _statistics_of_many(blocks)
    mean = np.average(values, weights=counts)
    below = np.cumsum(counts)
    middle = [np.searchsorted(below, rank, "right") for rank in _middle(int(below[-1]))]
    return {
        "mean": mean,
        "std": np.sqrt(np.average((values - mean) ** 2, weights=counts)),
        "min": values[0],
        "max": values[-1],
        "median": values[middle].mean(),
    }


def _statistics_of_many(blocks: Callable[[], Iterable[np.ndarray]]) -> dict[str, np.ndarray]:
    """Returns what `pixel_statistics` does, of values too many to count each."""
    moments, lowest, highest, upper = Moments(), math.inf, -math.inf, np.zeros(1 << 16, np.int64)
    for block in blocks():
        rows = np.asarray(block, np.float32).reshape(len(block), -1)
        moments += Moments.of_rows(rows)
        lowest, highest = min(lowest, rows.min()), max(highest, rows.max())
        upper += np.bincount(_ordered_bits(rows) >> 16, minlength=1 << 16)
    ranks, below = _middle(moments.n), np.cumsum(upper)
    halves = [int(np.searchsorted(below, rank, "right")) for rank in ranks]
    lower = {half: np.zeros(1 << 16, np.int64) for half in halves}
    for block in blocks():
        bits = _ordered_bits(np.asarray(block, np.float32).reshape(-1))
        for half, counts in lower.items():
            counts += np.bincount(bits[bits >> 16 == half] & 0xFFFF, minlength=1 << 16)
    middle = []
    for rank, half in zip(ranks, halves, strict=True):
        left = rank - (below[half] - upper[half])
        middle.append(half << 16 | int(np.searchsorted(np.cumsum(lower[half]), left, "right")))
    return {
        "mean": np.float64(moments.mean),
        "std": np.float64(moments.std),
        "min": np.float64(lowest),
        "max": np.float64(highest),
        "median": _from_ordered_bits(np.array(middle, np.uint32)).mean(dtype=np.float64),
    }


def _middle(n: int) -> tuple[int, int]:
    """Returns the ranks of the values between which the median of as many lies."""
    return (n - 1) // 2, n // 2


def _ordered_bits(values: np.ndarray) -> np.ndarray:
    """Returns float32 values as uint32, flat and in the same order."""
    bits = values.reshape(-1).view(np.uint32)
    return np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31))


def _from_ordered_bits(bits: np.ndarray) -> np.ndarray:
    return np.where(bits >> 31, bits & np.uint32((1 << 31) - 1), ~bits).view(np.float32)


def column_statistics(values: np.ndarray) -> dict[str, np.ndarray]:
    """Returns statistics of every column.

    Args:
        values: `(trials, columns)`.

    Returns:
        `mean`, `std`, `min`, `max` and `median`, float64 `(columns,)` each.
    """
    values = values.astype(np.float64)
    return {name: getattr(np, name)(values, axis=0) for name in STATISTICS}
