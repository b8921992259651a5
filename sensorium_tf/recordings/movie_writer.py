"""A recording of movies written in the published file tree, a trial after the other."""

import itertools
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from sensorium_tf.challenges import Challenge, sensorium2023
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.recordings.archive import DEFLATE_LEVEL, add_array, add_file
from sensorium_tf.recordings.frame_sums import FrameSums
from sensorium_tf.recordings.time_axis import time_last
from sensorium_tf.recordings.writer import published_metadata
from sensorium_tf.specs import RESPONSE


def write_movie_recording(
    path: str | Path,
    trials: Iterable[Mapping[str, np.ndarray]],
    *,
    session_key: str,
    tiers: np.ndarray,
    trial_ids: np.ndarray,
    unit_ids: np.ndarray,
    cell_motor_coordinates: np.ndarray,
    length: int,
    withheld: Iterable[str] = (),
    challenge: Challenge = sensorium2023.CHALLENGE,
) -> Path:
    """Writes a recording of movies as a zip file; memory holds one trial.

    The file appears under its name only once it is whole, and equal input gives equal bytes.

    Args:
        path: The zip file to write; a file that is there is replaced.
        trials: The signals of each trial, in the order of `tiers`: name to valid frames,
            `(frames, height, width, channels)` for the video, `(frames, columns)` for others.
        session_key: Animal, session and scan, or any name that a file can have.
        tiers: `(trials,)`, each one of the challenge's tiers.
        trial_ids: `(trials,)` integers.
        unit_ids: `(neurons,)` integers.
        cell_motor_coordinates: `(neurons, 3)`, position in cortex in micrometres.
        length: Frames of each trial in the file; shorter ones are padded with NaN at the end.
        withheld: Tiers whose responses are written as zeros.
        challenge: The benchmark whose form the file has.

    Returns:
        The path.

    Raises:
        SensoriumError: If signals do not fit each other, there are more or fewer trials than tiers
            or ids, or the file cannot be written.
    """
    path = expand(path)
    stem = challenge.free_stem(session_key)
    tiers = np.asarray(tiers, str)
    withheld = frozenset(withheld)
    if unknown := sorted(set(tiers.tolist()) - set(challenge.tiers)):
        raise SensoriumError(
            f"{path}: unknown tier {unknown[0]!r}: use {', '.join(challenge.tiers)}"
        )
    if len(trial_ids) != len(tiers):
        raise SensoriumError(f"{path}: {len(tiers)} tiers, but {len(trial_ids)} trial ids")
    sums: dict[str, FrameSums] = {}
    with (
        atomic_write(path, "wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=DEFLATE_LEVEL) as archive,
    ):
        add_file(archive, f"{stem}/config.json", b'{"links": {}}')
        for index, (tier, signals) in enumerate(_with_tiers(path, tiers.tolist(), trials)):
            _check(path, index, signals, n_neurons=len(unit_ids), length=length)
            for name, values in signals.items():
                signal = challenge.recording[name]
                shape = (length, *values.shape[1:])
                written = np.full(shape, np.nan, np.float32)
                written[: len(values)] = values
                if name == RESPONSE and tier in withheld:
                    written[:] = 0
                folder = f"{stem}/data/{signal.folder}"
                add_array(archive, f"{folder}/{index}", time_last(written, signal))
                if tier == challenge.training_tier:
                    shaped = signal.with_shape((None, *values.shape[1:]))
                    sums.setdefault(name, FrameSums(shaped)).add(values)
        if not sums:
            raise SensoriumError(f"{path}: no trial is in tier {challenge.training_tier!r}")
        for name, each in sums.items():
            signal, found = challenge.recording[name], each.time_resolved
            folder = f"{stem}/meta/statistics/{signal.folder}/all"
            for key, values in (("mean", found.mean), ("std", found.std)):
                padded = np.full((length, *values.shape[1:]), np.nan, np.float32)
                padded[: len(values)] = values
                add_array(archive, f"{folder}/{key}", time_last(padded, signal))
        neurons = {
            **published_metadata(session_key, len(unit_ids)),
            "unit_ids": np.asarray(unit_ids, np.int64),
            "cell_motor_coordinates": np.asarray(cell_motor_coordinates, np.float64),
        }
        for name, values in sorted(neurons.items()):
            add_array(archive, f"{stem}/meta/neurons/{name}", values)
        add_array(archive, f"{stem}/meta/trials/tiers", tiers)
        add_array(archive, f"{stem}/meta/trials/trial_idx", np.asarray(trial_ids, np.int64))
    return path


def _with_tiers(
    path: Path, tiers: Sequence[str], trials: Iterable[Mapping[str, np.ndarray]]
) -> Iterator[tuple[str, Mapping[str, np.ndarray]]]:
    """Yields each trial with its tier; raises SensoriumError unless there are as many."""
    for pair in itertools.zip_longest(tiers, trials):
        if any(each is None for each in pair):
            raise SensoriumError(f"{path}: {len(tiers)} tiers, but not as many trials")
        yield pair


def _check(
    path: Path, index: int, signals: Mapping[str, np.ndarray], *, n_neurons: int, length: int
) -> None:
    """Refuses a trial that could not be read back."""
    frames = {len(values) for values in signals.values()}
    if len(frames) != 1 or not 0 < max(frames) <= length:
        raise SensoriumError(
            f"{path}: trial {index}: signals of {sorted(frames)} frames, expected the same number, "
            f"at most {length}"
        )
    if signals[RESPONSE].shape[1:] != (n_neurons,):
        raise SensoriumError(
            f"{path}: trial {index}: responses have shape {signals[RESPONSE].shape}, expected "
            f"(frames, {n_neurons})"
        )
    for name, values in signals.items():
        if not np.isfinite(values.sum(dtype=np.float64)):
            raise SensoriumError(f"{path}: trial {index}: {name} holds NaN or infinity")
