"""Checkpoints of a run: how it survives a kill.

What a run that is started again prefers, in this order:

1. The newest checkpoint that is intact. A damaged one, of which a warning tells, is passed over for
   the one before: two are kept. The best weights in it count, not those in `model.keras`, which is
   written anew from them, as `metrics.jsonl` is from its epochs.
2. The beginning, where there is no checkpoint.

It never begins anew where there are checkpoints, however damaged, and never goes on with other
settings than those in `config.json`, or on another recording: both are refused.
"""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sensorium_tf.arrays import Arrays, open_arrays
from sensorium_tf.errors import AccessError, SensoriumError
from sensorium_tf.io import atomic_write
from sensorium_tf.reading import ZIP, parse_json, reading

_KEPT = 2
# Name in a checkpoint of the JSON text beside the arrays.
_STATE = "state"


class Checkpoints:
    """The checkpoints of a run.

    Args:
        folder: Of the checkpoints; made when the first one is written.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    @property
    def any(self) -> bool:
        """Whether a run has begun that can go on."""
        return bool(self._saved())

    def save(self, n_steps: int, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Adds a checkpoint and keeps the one before; a kill meanwhile leaves both.

        Args:
            n_steps: That the run has taken, by which checkpoints are ordered.
            state: JSON values; `epochs` and `stopped` among them.
            arrays: Name to array; no name is `state`.

        Raises:
            SensoriumError: If it cannot be written.
        """
        with atomic_write(self._folder / f"{n_steps:09d}.npz", "wb") as file:
            np.savez(file, **{_STATE: np.array(json.dumps(state))}, **arrays)
        for old in self._saved()[_KEPT:]:
            old.unlink(missing_ok=True)

    def resume(self, load: Callable[[dict[str, Any], dict[str, np.ndarray]], None]) -> bool:
        """Goes back to the newest checkpoint that is intact.

        Args:
            load: Takes over what `save` was given; raises KeyError, TypeError or ValueError, and
                changes nothing, if that is not all there.

        Returns:
            Whether there was one.

        Raises:
            AccessError: If the newest one cannot be read.
            SensoriumError: If there are checkpoints, but all are damaged.
        """
        saved = self._saved()
        for path in saved:
            try:
                with reading(path, "damaged", begins=ZIP):
                    load(*_read(path))
            except AccessError:
                raise  # what cannot be read now may be intact
            except SensoriumError as e:
                error = e
                warnings.warn(f"{e}: left out", stacklevel=2)
            else:
                return True
        if saved:
            raise SensoriumError(
                f"{error}, like all checkpoints there: delete the workdir and train again"
            ) from error
        return False

    def progress(self) -> tuple[int, int, bool] | None:
        """Returns the epochs of the newest checkpoint, and how many there will be at most.

        Third is whether the schedule ended the run. None where it does not tell.
        """
        for path in self._saved()[:1]:
            try:
                with reading(path, "damaged"), open_arrays(path, expansion=1) as arrays:
                    state = _state(arrays)
                    return len(state["epochs"]), int(state["most_epochs"]), bool(state["stopped"])
            except (FileNotFoundError, KeyError, SensoriumError):
                return None
        return None

    def _saved(self) -> list[Path]:
        """Returns the checkpoints, the newest first."""
        return sorted(self._folder.glob("[0-9]*.npz"), reverse=True)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Returns the state and the arrays of a checkpoint, which is as large as the file."""
    with open_arrays(path, expansion=1) as arrays:
        values = {name: arrays.read(name) for name in arrays.headers if name != _STATE}
        return _state(arrays), values


def _state(arrays: Arrays) -> dict[str, Any]:
    return parse_json(str(arrays.read(_STATE)).encode())
