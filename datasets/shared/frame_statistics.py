"""The statistics of each frame of movies, in a file beside the prepared trials."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sensorium_tf.arrays import open_arrays
from sensorium_tf.reading import ZIP, reading
from sensorium_tf.recordings import MovieRecording
from sensorium_tf.specs import POOLED, RESPONSE, TIME_RESOLVED, RecordingSpec, SignalSpec

_FILE = "frame_statistics.npz"
_KEYS = ("mean", "std")
# Of fewer trials than two, and than this share of the training trials, a standard deviation says
# little: where it happens to be small, other trials would be blown up.
_SMALLEST_SHARE = 0.1
# As of responses: a pixel that hardly changes would else be blown up.
_SMALLEST_STD = 0.01


def write_frame_statistics(folder: Path, recording: MovieRecording, spec: RecordingSpec) -> None:
    """Writes the statistics of each frame of all signals but the responses.

    A frame or pixel of which the recording says nothing, and frames that fewer than a tenth of the
    training trials reach, or fewer than two, get those that are pooled over time.

    Args:
        folder: Of the prepared trials.
        recording: That is prepared.
        spec: What the dataset holds of it.
    """
    found = recording.surveyed
    training = found.n_frames[recording.trials_of(recording.challenge.training_tier)]
    fewest = max(2, math.ceil(_SMALLEST_SHARE * len(training)))
    n_reached = np.sort(training)[-fewest] if len(training) >= fewest else 0
    arrays = {}
    for signal in _described(spec):
        resolved, pooled = (found.statistics(k)[signal.name] for k in (TIME_RESOLVED, POOLED))
        n_frames = max(len(resolved.mean), int(found.n_frames.max()))
        known = np.isfinite(resolved.mean) & np.isfinite(resolved.std)
        known[n_reached:] = False
        for key in _KEYS:
            whole = np.empty((n_frames, *signal.frame_shape), np.float32)
            whole[:] = getattr(pooled, key)
            np.copyto(whole[: len(known)], getattr(resolved, key), where=known, casting="same_kind")
            arrays[f"{signal.name}.{key}"] = whole
    np.savez(folder / _FILE, **arrays)


def read_frame_statistics(
    folder: Path, spec: RecordingSpec, *, n_frames: int
) -> dict[str, Mapping[str, np.ndarray]]:
    """Returns signal to the `mean` and `std` of each frame, `(frames, ...)` float32.

    Where a standard deviation is smaller than 0.01 of their mean, over frames and, of the video,
    pixels, that counts; where that is zero, one.

    Args:
        folder: Of the prepared trials.
        spec: What the dataset holds.
        n_frames: Of the longest trial.

    Raises:
        SensoriumError: If the file is missing or damaged.
    """
    path = folder / _FILE
    remedy = f"delete the folder {folder} and prepare it again"
    with (
        reading(path, "damaged", remedy=remedy, missing=f"is missing: {remedy}", begins=ZIP),
        open_arrays(path, expansion=2) as arrays,
    ):
        found = {}
        for signal in _described(spec):
            values = {key: arrays.read(f"{signal.name}.{key}") for key in _KEYS}
            for key, value in values.items():
                fits = value.dtype == np.float32 and value.shape[1:] == signal.frame_shape
                if not fits or len(value) < n_frames or not np.isfinite(value).all():
                    raise ValueError(f"{key} of {signal.name} are not those of its frames")
            std = values["std"]
            if (std < 0).any():
                raise ValueError(f"std of {signal.name} is negative")
            axes = None if signal.role == "stimulus" else 0
            smallest = _SMALLEST_STD * std.mean(axis=axes, dtype=np.float64)
            std = np.maximum(std, smallest.astype(np.float32))
            found[signal.name] = {**values, "std": np.where(std > 0, std, np.float32(1))}
    return found


def _described(spec: RecordingSpec) -> list[SignalSpec]:
    return [signal for signal in spec.signals if signal.name != RESPONSE]
