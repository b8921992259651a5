"""One mouse's recording of movies: read trial by trial, never all at once."""

import collections
import functools
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings.movie_trial import MovieTrial
from sensorium_tf.recordings.opened import OpenRecording
from sensorium_tf.recordings.statistics import Statistics
from sensorium_tf.recordings.surveying import Survey, survey
from sensorium_tf.recordings.time_axis import file_frame_shape, fits_file, time_first
from sensorium_tf.specs import RESPONSE, SignalSpec

# Of one trial: more than five minutes at 30 frames a second.
_MOST_FRAMES = 10_000
_LARGEST = 1e6
_TRIALS_AHEAD = 2


class MovieRecording(OpenRecording):
    """A recording of movies in the published file tree, zip or folder.

    Opening reads and checks the metadata and finds the signals, as that of `Recording`; a trial is
    read, and checked, when asked for. Trials may be of different lengths: all signals of one end
    with the same valid frame, behind which there may be padding, NaN throughout.

    Args:
        path: A zip file or a folder.
        challenge: The benchmark whose signals, tiers and file names it has.
        tiers: As of `Recording`.

    Raises:
        SensoriumError: If it is no recording, or its metadata are missing, damaged or disagree.
    """

    @functools.cached_property
    def surveyed(self) -> Survey:
        """What its trials have in common, found by reading it once, trial by trial.

        Raises:
            SensoriumError: If trials cannot be used, all of them said at once, or the statistics
                cannot be those of the data; what is only odd is said in a warning.
        """
        return survey(self, self.trial)

    @property
    def statistics(self) -> Mapping[str, Statistics]:
        """Signal to its statistics over the training trials, pooled over time."""
        return self.surveyed.statistics()

    def trial(self, index: int) -> MovieTrial:
        """Reads one trial.

        Args:
            index: Of the trial, from 0.

        Raises:
            SensoriumError: If an array is missing, damaged or of the wrong shape, the signals
                disagree about the frames, values are NaN in the middle or infinite, or the trial is
                too short to be scored.
        """
        values = {each.name: self._read(each, index) for each in self.spec.signals}
        lengths = {name: len(each) for name, each in values.items()}
        if len(set(lengths.values())) > 1:
            raise self._error(index, f"signals of different numbers of frames: {_listed(lengths)}")
        # What is withheld is zero in the padding, too.
        withheld = frozenset(name for name, each in values.items() if not each.any())
        valid = {
            name: self._n_valid(each, name, index)
            for name, each in values.items()
            if name not in withheld
        }
        if len(set(valid.values())) != 1:
            raise self._error(
                index, f"signals of different numbers of valid frames: {_listed(valid) or 'none'}"
            )
        n_frames = next(iter(valid.values()))
        if n_frames <= self.challenge.skip_frames:
            raise self._error(
                index,
                f"{n_frames} valid frames, expected more than {self.challenge.skip_frames}, which "
                "are not scored",
            )
        trimmed = {name: each[:n_frames] for name, each in values.items()}
        video = trimmed[self.spec.stimulus.name]
        if np.abs(video).max() > _LARGEST:
            raise self._error(
                index, f"its video holds {np.abs(video).max():.3g}, expected grey values, 0 to 255"
            )
        return MovieTrial(index, trimmed, withheld)

    def trials(self, indexes: Iterable[int] | None = None) -> Iterator[MovieTrial]:
        """Yields trials in the order asked for, some read ahead; all trials if left out."""
        wanted = iter(range(self.n_trials) if indexes is None else indexes)
        with ThreadPoolExecutor(_TRIALS_AHEAD) as pool:
            ahead = collections.deque()
            for index in wanted:
                ahead.append(pool.submit(self.trial, int(index)))
                if len(ahead) > _TRIALS_AHEAD:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _read(self, signal: SignalSpec, index: int) -> np.ndarray:
        """Returns a signal of a trial, time first, float32 with its padding."""
        name = self._names[signal.name][index]
        values = self._storage.read(
            name,
            fits=lambda found: fits_file(found, signal) and found[-1] <= _MOST_FRAMES,
            expected=f"{file_frame_shape(signal)} and as many frames as the trial has, at most "
            f"{_MOST_FRAMES}",
        )
        if values.dtype.kind not in "biuf":
            raise self._error(index, f"{name} holds {values.dtype} values, expected numbers")
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(time_first(values, signal), np.float32)

    def _n_valid(self, values: np.ndarray, name: str, index: int) -> int:
        """Returns how many frames there are before the padding."""
        lost = np.isnan(values.reshape(len(values), -1))
        some = lost.any(axis=1)
        n_valid = int(np.argmax(some)) if some.any() else len(values)
        if not lost[n_valid:].all():
            raise self._error(
                index,
                f"{name} is NaN in frame {n_valid} and has values after it: NaN may only pad the "
                "end, in all of a frame: mend it, or take this trial's files out of every folder "
                "under data",
            )
        if not np.isfinite(values[:n_valid].sum(dtype=np.float64)):
            raise self._error(index, f"{name} holds infinity: mend it")
        return n_valid

    def _error(self, index: int, text: str) -> SensoriumError:
        number = self._names[RESPONSE][index].rpartition("/")[2].removesuffix(".npy")
        return SensoriumError(f"{self.path}: trial {number}: {text}")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())
