"""One trial of a recording of movies."""

import dataclasses
from collections.abc import Mapping

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class MovieTrial:
    """One trial of a recording of movies, without its padding.

    Attributes:
        index: Of the trial among those of the recording.
        signals: Name to values, float32: the video `(frames, height, width, channels)`, grey values
            0 to 255, the response `(frames, neurons)`, raw, context signals `(frames, columns)`.
        withheld: Names of the signals that are zeros throughout, padding included.
    """

    index: int
    signals: Mapping[str, np.ndarray]
    withheld: frozenset[str]

    @property
    def n_frames(self) -> int:
        """How many valid frames it has."""
        return len(next(iter(self.signals.values())))
