"""Movies: trials of many frames, taken apart into rows like those of static images.

Trials are concatenated in time, so a row is a frame of a trial; rows that are the same frame of the
same stimulus are repeats of each other. Every metric of static images is one of movies by that.
"""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError
from sensorium_tf.metrics.arrays import matrices


def frame_mask(n_frames: ArrayLike, *, skip: int = 0, length: int | None = None) -> np.ndarray:
    """Returns which frames of some trials count.

    Args:
        n_frames: `(trials,)`, how many frames of each trial are valid; padding follows.
        skip: So many at the start do not count.
        length: Of the padded trials; that of the longest if left out.

    Returns:
        `(trials, time)` bool.

    Raises:
        SensoriumError: If a trial has no frame that counts.
    """
    n_frames = np.asarray(n_frames)
    if (short := np.flatnonzero(n_frames <= skip)).size:
        raise SensoriumError(
            f"trial {short[0]} has {n_frames[short[0]]} frames, expected more than {skip}: the "
            f"first {skip} are not scored"
        )
    time = np.arange(n_frames.max() if length is None else length)
    return (time >= skip) & (time < n_frames[:, None])


def frame_ids(stimulus_ids: ArrayLike, mask: np.ndarray) -> np.ndarray:
    """Returns an id for each frame that counts: repeats share it.

    Args:
        stimulus_ids: `(trials,)`, the stimulus shown in each trial.
        mask: `(trials, time)` bool, which frames count.

    Returns:
        `(frames,)` int64, trial after trial.

    Raises:
        SensoriumError: If there is not one stimulus id a trial.
    """
    stimulus_ids = np.asarray(stimulus_ids)
    if stimulus_ids.shape != mask.shape[:1]:
        raise SensoriumError(
            f"stimulus ids have shape {stimulus_ids.shape}, expected ({len(mask)},): one a trial"
        )
    stimuli = np.unique(stimulus_ids, return_inverse=True)[1]
    trials, frames = np.nonzero(mask)
    return stimuli[trials] * mask.shape[1] + frames


def as_rows(
    stimulus_ids: ArrayLike | None, *, mask: ArrayLike | None = None, **named: ArrayLike
) -> tuple[list[np.ndarray], ArrayLike | None]:
    """Returns arrays of trials as matrices, and an id for each of their rows.

    Args:
        stimulus_ids: `(trials,)`, the image or movie shown in each trial; None if not needed.
        mask: `(trials, time)`, which frames count; all if left out. What stands in others is never
            looked at.
        **named: Name for messages to an array, `(trials, neurons)` or `(trials, time, neurons)`.

    Returns:
        The arrays, `(trials, neurons)` as they are or `(frames, neurons)`, and the ids of the rows.

    Raises:
        SensoriumError: If the shapes disagree, or a value that counts is NaN or infinite.
    """
    arrays = {name: np.asarray(values) for name, values in named.items()}
    first, values = next(iter(arrays.items()))
    if values.ndim != 3:
        if mask is not None:
            raise SensoriumError(
                f"{first} have shape {values.shape}, expected (trials, time, neurons): a mask "
                "tells which frames of movies count"
            )
        return matrices(**arrays), stimulus_ids
    for name, each in arrays.items():
        if each.shape != values.shape:
            raise SensoriumError(
                f"{first} have shape {values.shape} but {name} {each.shape}: expected the same "
                "trials, frames and neurons"
            )
    mask = np.ones(values.shape[:2], bool) if mask is None else np.asarray(mask, bool)
    if mask.shape != values.shape[:2] or not mask.any():
        raise SensoriumError(
            f"mask has shape {mask.shape} and {mask.sum()} frames that count, expected some of "
            f"{values.shape[:2]} (trials, time)"
        )
    places = np.argwhere(mask)
    rows = matrices(
        where=lambda row: "trial {}, frame {}".format(*places[row]),
        **{name: each[mask] for name, each in arrays.items()},
    )
    return rows, None if stimulus_ids is None else frame_ids(stimulus_ids, mask)
