"""One mouse's recording of static images: opened, checked, and read in bulk."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings import metadata
from sensorium_tf.recordings.opened import OpenRecording
from sensorium_tf.recordings.statistics import (
    Statistics,
    column_statistics,
    pixel_statistics,
)
from sensorium_tf.specs import IMAGE, RESPONSE

_TRIALS_PER_BLOCK = 128


class Recording(OpenRecording):
    """A recording of static images in the published file tree, zip or folder.

    Opening reads and checks the metadata and finds the signals; these are read, and checked, when
    asked for. What is only odd (optional metadata missing or unknown, statistics missing) is kept
    and said in a Python warning.

    Args:
        path: A zip file or a folder.
        challenge: The benchmark whose signals, tiers and file names it has; images may be of any
            size, behavior and pupil center may be absent and further signals there.
        tiers: Name of a tier in the file to the challenge's that it is, or to nothing, which leaves
            its trials out; for those that have the challenge's names already not needed.

    Attributes:
        image_ids: `(trials,)` int64.

    Raises:
        SensoriumError: If it is no recording, or its metadata are missing, damaged or disagree.
    """

    def _open(self, tiers: Mapping[str, str]) -> None:
        super()._open(tiers)
        self.image_ids = self.image_ids[self._rows]
        self._kept: dict[str, np.ndarray] = {}

    def _read_stimulus_ids(self) -> None:
        self.image_ids = metadata.read_image_ids(self._storage, self.n_trials)

    def read(self, signal: str, trials: Sequence[int] | None = None) -> np.ndarray:
        """Reads one signal of many trials as one array.

        Args:
            signal: Name of a signal that it holds: `image`, `response`, `behavior` ...
            trials: Indexes of the trials, all if left out.

        Returns:
            The file's values, float32 (uint8 where the file holds uint8): images `(trials, height,
            width, channels)`, grey values 0 to 255; responses `(trials, neurons)`; context signals
            `(trials, columns)`.

        Raises:
            SensoriumError: If it has no such signal, or a trial's array is missing, damaged, of the
                wrong shape or not finite.
        """
        spec = self.spec[signal]
        if trials is None and signal in self._kept:
            return self._kept[signal].copy()
        names = self._names[signal]
        if trials is not None:
            names = [names[trial] for trial in trials]
        if spec.role == "stimulus":
            height, width, channels = spec.shape
            values = self._storage.read_stack(names, (channels, height, width))
            return np.ascontiguousarray(np.moveaxis(values, 1, -1))
        values = self._storage.read_stack(names, spec.shape)
        # A few numbers a trial, many times as many bytes of file around them: read once.
        if trials is None and spec.role == "context":
            self._kept[signal] = values.copy()
        return values

    @cached_property
    def statistics(self) -> Mapping[str, Statistics]:
        """Signal to its `Statistics`; those that the file does not hold are computed.

        Raises:
            SensoriumError: If some have to be computed and there is no training trial, or their
                values cannot be read.
        """
        missing = [name for name in self.spec.names if name not in self.stored_statistics]
        if missing:
            self._warn(f"no statistics of {', '.join(missing)}: computed over the training trials")
        return {
            name: self._compute_statistics(name)
            if name in missing
            else Statistics(
                mean=self.stored_statistics[name]["mean"].astype(np.float64),
                std=self.stored_statistics[name]["std"].astype(np.float64),
            )
            for name in self.spec.names
        }

    @cached_property
    def withheld_signals(self) -> tuple[str, ...]:
        """Signals that are zero throughout: the competition hides them in this recording."""
        return tuple(each.name for each in self.spec.context if not self.read(each.name).any())

    def _compute_statistics(self, signal: str) -> Statistics:
        """Returns the statistics of a signal over the training trials."""
        tier = self.challenge.training_tier
        trials = self.trials_of(tier)
        if not trials.size:
            raise SensoriumError(f"{self.path}: no trial is in tier {tier!r}: statistics need some")
        if signal == IMAGE:
            starts = range(0, len(trials), _TRIALS_PER_BLOCK)
            found = pixel_statistics(
                lambda: (self.read(signal, trials[i : i + _TRIALS_PER_BLOCK]) for i in starts)
            )
        else:
            found = column_statistics(self.read(signal, trials))
        if signal in (IMAGE, RESPONSE) and not found["std"].any():
            folder = self.spec[signal].folder
            raise SensoriumError(f"{self.path}: data/{folder} never vary in tier {tier!r}")
        return Statistics(mean=np.asarray(found["mean"]), std=np.asarray(found["std"]))
