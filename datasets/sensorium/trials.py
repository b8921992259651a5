"""Trials of a recording in the form in which a dataset holds them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from sensorium_tf.recordings import Recording

# Images are read and written in blocks: a whole recording of them is a gigabyte.
_TRIALS_PER_BLOCK = 128


def blocks_of(trials: np.ndarray) -> list[np.ndarray]:
    """Returns trials in blocks that are read at once, in their order."""
    starts = range(0, len(trials), _TRIALS_PER_BLOCK)
    return [trials[start : start + _TRIALS_PER_BLOCK] for start in starts]


def examples_of(
    recording: Recording, trials: np.ndarray, signals: Mapping[str, np.ndarray]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields some trials as TFDS takes them, each under its index.

    Args:
        recording: Theirs.
        trials: Their indexes.
        signals: Name to `(trials, ...)` float32, the image among them.
    """
    for row, trial in enumerate(trials.tolist()):
        yield (
            trial,
            {
                **{name: values[row] for name, values in signals.items()},
                "image_id": recording.image_ids[trial],
                "trial_id": recording.trial_ids[trial],
                "trial_index": trial,
            },
        )
