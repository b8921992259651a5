"""What scores are computed over."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Rows:
    """Responses to score rates by: a row is a trial of an image, or a scored frame of a movie.

    Attributes:
        responses: `(rows, neurons)` float32, standardised.
        image_ids: `(rows,)` int64, the image, or the frame of which movie; repeats share it.
        trial_ids: `(rows,)` strings; all frames of a trial share it.
        frames: `(rows,)` int64, which frame of its movie each row is; None of images.
    """

    responses: np.ndarray
    image_ids: np.ndarray
    trial_ids: np.ndarray
    frames: np.ndarray | None = None

    @property
    def n_trials(self) -> int:
        """How many trials they are of."""
        if self.frames is None:
            return len(self.responses)
        return int((self.frames == self.frames[0]).sum())

    def shown(self, values: np.ndarray) -> np.ndarray:
        """Returns what there is to look at of some values: all, of movies those of one trial.

        Args:
            values: `(rows, ...)`.
        """
        if self.frames is None:
            return values
        starts = np.flatnonzero(self.frames == self.frames[0])
        # A copy, so that the others need not be kept.
        return values[: starts[1] if len(starts) > 1 else None].copy()
