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

    @property
    def first_trial(self) -> slice:
        """The rows of the first trial of a movie; of images all rows."""
        if self.frames is None:
            return slice(None)
        starts = np.flatnonzero(self.frames == self.frames[0])
        return slice(0, int(starts[1]) if len(starts) > 1 else len(self.frames))
