"""What a recording of movies holds as a whole: found in one pass over its trials."""

import dataclasses
import hashlib
import warnings
from collections.abc import Callable, Mapping

import numpy as np

from sensorium_tf.config import check_names
from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings.frame_sums import FrameSums, pooled_over_time
from sensorium_tf.recordings.movie_trial import MovieTrial
from sensorium_tf.recordings.opened import OpenRecording
from sensorium_tf.recordings.plausibility import compare_statistics
from sensorium_tf.recordings.problems import Problems
from sensorium_tf.recordings.statistics import Statistics
from sensorium_tf.specs import POOLED, RESPONSE, STATISTICS_KINDS, TIME_RESOLVED


@dataclasses.dataclass(frozen=True, eq=False)
class Survey:
    """What the trials of a recording have in common.

    Attributes:
        n_frames: `(trials,)` int64, valid frames of each.
        video_ids: `(trials,)` int64; trials with the same valid frames of the video share it.
        withheld_signals: Context signals that are zeros in all trials.
        silent_tiers: Tiers whose responses are all zeros, and how many these are.
    """

    n_frames: np.ndarray
    video_ids: np.ndarray
    withheld_signals: tuple[str, ...]
    silent_tiers: Mapping[str, int]
    _statistics: Mapping[str, Mapping[str, Statistics]]

    def statistics(self, kind: str = POOLED) -> Mapping[str, Statistics]:
        """Returns the statistics of each signal over the training trials.

        They are those that the file holds, else computed.

        Args:
            kind: `pooled`, over all frames: `()` for the video (over its pixels, too) and
                `(columns,)` for other signals; or `time_resolved`, as published: an entry for each
                frame, `(time, height, width, channels)` or `(time, columns)`.

        Raises:
            SensoriumError: If there is no such kind.
        """
        check_names([kind], STATISTICS_KINDS, "kind of statistics")
        return self._statistics[kind]


def survey(recording: OpenRecording, read: Callable[[int], MovieTrial]) -> Survey:
    """Reads a recording once, trial by trial, and says all that is wrong with it.

    Args:
        recording: The recording.
        read: Reads the trial of an index.

    Raises:
        SensoriumError: If trials cannot be used, or the statistics cannot be those of the data;
            what is only odd is said in a warning.
    """
    training = recording.tiers == recording.challenge.training_tier
    problems = Problems(recording.path)
    if not training.any():
        with problems:
            raise SensoriumError(
                f"no trial is in tier {recording.challenge.training_tier!r}: statistics need some"
            )
    n_frames = np.zeros(recording.n_trials, np.int64)
    digests: dict[bytes, int] = {}
    video_ids = np.zeros(recording.n_trials, np.int64)
    shown = {each.name: False for each in recording.spec.signals}
    responding = set()
    sums = {each.name: FrameSums(each) for each in recording.spec.signals}
    lowest = 0.0
    for index in range(recording.n_trials):
        with problems:
            trial = read(index)
            n_frames[index] = trial.n_frames
            digest = _digest(trial, recording.spec.stimulus.name)
            video_ids[index] = digests.setdefault(digest, len(digests))
            for name in trial.signals.keys() - trial.withheld:
                shown[name] = True
            if RESPONSE not in trial.withheld:
                responding.add(str(recording.tiers[index]))
            lowest = min(lowest, float(trial.signals[RESPONSE].min()))
            if training[index]:
                for name, each in sums.items():
                    each.add(trial.signals[name])
    problems.check()
    if lowest < 0:
        warnings.warn(
            f"{recording.path}: responses are negative, down to {lowest:.3g}, which deconvolved "
            "activity never is: kept, but models are trained to predict rates, which are not",
            stacklevel=2,
        )
    computed = {
        kind: {name: getattr(each, kind) for name, each in sums.items()}
        for kind in STATISTICS_KINDS
    }
    trials = {tier: recording.trials_of(tier) for tier in recording.challenge.tiers}
    n_neurons = len(recording.unit_ids)
    return Survey(
        n_frames=n_frames,
        video_ids=video_ids,
        withheld_signals=tuple(
            each.name for each in recording.spec.context if not shown[each.name]
        ),
        silent_tiers={
            tier: n_neurons * int(n_frames[index].sum())
            for tier, index in trials.items()
            if index.size and tier not in responding
        },
        _statistics=_chosen(recording, computed),
    )


def _chosen(
    recording: OpenRecording, computed: Mapping[str, Mapping[str, Statistics]]
) -> dict[str, dict[str, Statistics]]:
    """Returns the statistics that the file holds, else the computed ones; compares them."""
    chosen = {kind: {} for kind in STATISTICS_KINDS}
    for signal in recording.spec.signals:
        name, own = signal.name, computed[POOLED][signal.name]
        found = recording.stored_statistics.get(name)
        if name == RESPONSE and not own.std.any():
            raise SensoriumError(f"{recording.path}: data/{signal.folder} never vary in training")
        if found is None:
            for kind in STATISTICS_KINDS:
                chosen[kind][name] = computed[kind][name]
            continue
        published = Statistics(mean=found["mean"], std=found["std"])
        pooled = pooled_over_time(published, signal)
        compare_statistics(recording, name, own, pooled)
        chosen[POOLED][name], chosen[TIME_RESOLVED][name] = pooled, published
    return chosen


def _digest(trial: MovieTrial, stimulus: str) -> bytes:
    video = trial.signals[stimulus]
    content = hashlib.sha256(str(video.shape).encode())
    content.update(np.ascontiguousarray(video).tobytes())
    return content.digest()
