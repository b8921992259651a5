"""Statistics of movies: of each frame by itself, and pooled over time."""

import functools

import numpy as np

from sensorium_tf.recordings.statistics import Statistics
from sensorium_tf.specs import SignalSpec


class FrameSums:
    """Sums of a signal at each frame, over some trials of different lengths.

    Args:
        signal: The signal, the shape of its frames known.
    """

    def __init__(self, signal: SignalSpec):
        self._role = signal.role
        self._sum = self._squares = np.zeros((0, *signal.frame_shape))
        self._counts = np.zeros(0)

    def add(self, values: np.ndarray) -> None:
        """Takes in a trial, `(frames, ...)`."""
        more = len(values) - len(self._sum)
        if more > 0:
            grown = [(0, more), *[(0, 0)] * (self._sum.ndim - 1)]
            self._sum, self._squares = (np.pad(each, grown) for each in (self._sum, self._squares))
            self._counts = np.pad(self._counts, grown[0])
        frames = slice(len(values))
        self._sum[frames] += values
        self._squares[frames] += np.square(values, dtype=np.float64)
        self._counts[frames] += 1

    @functools.cached_property
    def time_resolved(self) -> Statistics:
        """The statistics of each frame."""
        counts = self._counts.reshape(-1, *[1] * (self._sum.ndim - 1))
        return _statistics(self._sum, self._squares, np.maximum(counts, 1))

    @functools.cached_property
    def pooled(self) -> Statistics:
        """The statistics over all frames and, of a video, pixels."""
        axes = None if self._role == "stimulus" else 0
        n_values = self._counts.sum() * (self._sum[0].size if axes is None else 1)
        return _statistics(self._sum.sum(axis=axes), self._squares.sum(axis=axes), n_values)


def _statistics(total: np.ndarray, squares: np.ndarray, n: np.ndarray | float) -> Statistics:
    mean = total / n
    return Statistics(mean=mean, std=np.sqrt(np.maximum(squares / n - mean**2, 0)))


def pooled_over_time(statistics: Statistics, signal: SignalSpec) -> Statistics:
    """Pools statistics of each frame: the variance is the mean variance and that of the means.

    Args:
        statistics: `(time, ...)` as published; frames of which they hold no numbers are left out.
        signal: What they are of; those of a video are pooled over pixels, too.
    """
    axes = None if signal.role == "stimulus" else 0
    mean, std = (np.asarray(each, np.float64) for each in (statistics.mean, statistics.std))
    flat = np.stack([mean, std]).reshape(2, len(mean), -1)
    known = np.isfinite(flat).all(axis=(0, 2))
    mean, variance = mean[known], std[known] ** 2
    return Statistics(
        mean=mean.mean(axis=axes), std=np.sqrt(variance.mean(axis=axes) + mean.var(axis=axes))
    )
