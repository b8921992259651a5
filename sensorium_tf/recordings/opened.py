"""One mouse's recording, opened: its metadata read and checked, the files of its signals found."""

import os
import warnings
from collections.abc import Mapping
from functools import cached_property
from typing import Self

import numpy as np

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.recordings import metadata
from sensorium_tf.recordings.problems import Problems
from sensorium_tf.recordings.signals import find_signals
from sensorium_tf.recordings.statistics import read_statistics
from sensorium_tf.recordings.storage import Storage
from sensorium_tf.specs import RecordingSpec


class OpenRecording:
    """What recordings of images and of movies have in common: all but their trials.

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
        path: Where it lies.
        challenge: The benchmark.
        session_key: Such as `26872-17-20`, or the file's name if that holds none.
        tiers: Tier of each trial, `(trials,)` strings.
        trial_ids: `(trials,)` strings (numbers, or md5 where the competition hides them).
        file_numbers: By which the files of each trial are named, `(trials,)` int64.
        unit_ids: `(neurons,)` int64.
        cell_motor_coordinates: `(neurons, 3)` float64, micrometres.
        neurons: Other metadata of the neurons, name to `(neurons,)` array.
        spec: The signals that it holds, every shape known.
        stored_statistics: Signal to what the file holds of `mean`, `std`, `min`, `max` and
            `median`, each `()` for the image and `(columns,)` for others, in movies with an axis of
            time first and a value for each pixel; only signals that have some.

    Raises:
        SensoriumError: If it is no recording, or its metadata are missing, damaged or disagree.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        challenge: Challenge = DEFAULT,
        tiers: Mapping[str, str] | None = None,
    ):
        self.path = expand(path)
        self.challenge = challenge
        self._storage = Storage(
            self.path,
            folders=[signal.folder for signal in challenge.recording.signals],
            is_published=challenge.has_published,
            warn=self._warn,
        )
        try:
            self._open(tiers or {})
        except BaseException:
            self.close()
            raise

    def _open(self, tiers: Mapping[str, str]) -> None:
        """Reads the metadata and finds the signals; says all that is wrong with them at once."""
        self.session_key = self.challenge.session_key_of(self._storage.top)
        problems = Problems(self.path)
        with problems:
            self.unit_ids = metadata.read_unit_ids(self._storage)
            with problems:
                self.cell_motor_coordinates = metadata.read_coordinates(
                    self._storage, self.n_neurons
                )
        with problems:
            self.tiers = metadata.read_tiers(self._storage, self.challenge.tiers, tiers)
            with problems:
                self._read_stimulus_ids()
            with problems:
                self.trial_ids = metadata.read_trial_ids(self._storage, self.n_trials)
        problems.check()
        self._signals = find_signals(
            self._storage,
            self.challenge.recording,
            n_neurons=self.n_neurons,
            problems=problems,
        )
        problems.check()
        self._keep_trials()
        self.neurons = metadata.read_neuron_metadata(self._storage, self.n_neurons)
        self.spec = RecordingSpec(tuple(files.spec for files in self._signals.values()))
        stored = {}
        for signal in self.spec.signals:
            with problems:
                stored[signal.name] = read_statistics(self._storage, signal)
        problems.check()
        self.stored_statistics = {name: found for name, found in stored.items() if found}
        self._check_orientation()

    def _read_stimulus_ids(self) -> None:
        """Reads which stimulus each row of the metadata is of, where the metadata tell it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file behind it."""
        self._storage.close()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({str(self.path)!r}: session {self.session_key}, "
            f"{self.n_trials} trials, {self.n_neurons} neurons)"
        )

    @property
    def n_trials(self) -> int:
        """Number of trials of all tiers."""
        return len(self.tiers)

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return len(self.unit_ids)

    def trials_of(self, tier: str) -> np.ndarray:
        """Returns the indexes of a tier's trials, ascending.

        Args:
            tier: One of the challenge's; may be absent from the recording.
        """
        return np.flatnonzero(self.tiers == tier)

    @cached_property
    def trials(self) -> Mapping[str, np.ndarray]:
        """What else is known of the trials, name to `(trials, ...)`; text or numbers."""
        metadata_of_rows = metadata.read_trial_metadata(self._storage, self._n_rows)
        return {name: values[self._rows] for name, values in metadata_of_rows.items()}

    def _warn(self, text: str) -> None:
        # It may repeat an error, which names the file already.
        warnings.warn(f"{self.path}: {text.replace(f'{self.path}: ', '')}", stacklevel=3)

    def _keep_trials(self) -> None:
        """Brings the trials' files and metadata together; leaves out what has no tier or files.

        Files are numbered as the metadata's rows are, from 0. Where there are as many as rows, and
        other numbers, trials were taken out of both, or they are numbered from 1.
        """
        numbers = list(next(iter(self._signals.values())).names)
        n_rows = len(self.tiers)
        published = self.challenge.has_published(self._storage.top)
        gaps = sorted({*range(n_rows)} - {*numbers})
        said = ", ".join(map(str, gaps[:5])) + (" ..." if len(gaps) > 5 else "")
        if len(numbers) == n_rows and numbers in ([*range(n_rows)], [*range(1, n_rows + 1)]):
            rows = np.arange(n_rows)
        elif len(numbers) == n_rows and not published:
            self._warn(
                f"its files are numbered with gaps (there is no {said}): taken in their order, as "
                "the rows of its metadata are"
            )
            rows = np.arange(n_rows)
        # From 1 on, or without the first trial: that cannot be told.
        elif numbers[0] == 0 and numbers[-1] < n_rows and not published:
            self._warn(f"left out trials without files, {len(gaps)} of {n_rows}: {said}")
            rows = np.array(numbers)
        else:
            raise SensoriumError(
                f"{self.path}: meta/trials/tiers.npy knows {n_rows} trials, but {len(numbers)} "
                f"have files, numbered {numbers[0]} to {numbers[-1]}: the recording is incomplete, "
                f"{self._storage.remedy}"
            )
        chosen = np.flatnonzero(self.tiers[rows] != "")
        rows = rows[chosen]
        self.tiers, self.trial_ids = self.tiers[rows], self.trial_ids[rows]
        self._rows, self._n_rows = rows, n_rows
        self.file_numbers = np.array(numbers, np.int64)[chosen]
        self._names = {}
        for signal, files in self._signals.items():
            names = list(files.names.values())
            self._names[signal] = [names[each] for each in chosen]

    def _check_orientation(self) -> None:
        height, width, _ = self.spec.image_shape
        expected = self.challenge.recording.image_shape[:2]
        if height != width and (width, height) == expected:
            self._warn(
                f"images are {height} pixels high and {width} wide, the benchmark's {expected[0]} "
                f"and {expected[1]}: are they transposed?"
            )
