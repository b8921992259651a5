"""A recording written in the published file tree."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.config import check_names
from sensorium_tf.errors import SensoriumError, shown
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.progress import progress
from sensorium_tf.recordings.archive import DEFLATE_LEVEL, add_file, array_header
from sensorium_tf.recordings.rows import BLOCK_BYTES, ArrayOfRows, blocks_of
from sensorium_tf.recordings.statistics import STATISTICS, column_statistics, pixel_statistics
from sensorium_tf.specs import IMAGE, RESPONSE, check_context_name

_FILE_NAME = re.compile(r"\w[^/\\:\x00-\x1f\x7f]{0,99}")
# Each has an argument of its own.
_REQUIRED_METADATA = (
    "cell_motor_coordinates",
    "frame_image_id",
    "tiers",
    "trial_idx",
    "unit_ids",
)


def write_recording(
    path: str | Path,
    *,
    session_key: str,
    images: np.ndarray | ArrayOfRows,
    responses: np.ndarray,
    context: Mapping[str, np.ndarray] | None = None,
    tiers: np.ndarray,
    image_ids: np.ndarray,
    trial_ids: np.ndarray,
    unit_ids: np.ndarray,
    cell_motor_coordinates: np.ndarray,
    image_class: str | None = "imagenet",
    neurons: Mapping[str, np.ndarray] | None = None,
    trials: Mapping[str, np.ndarray] | None = None,
    statistics: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    challenge: Challenge = DEFAULT,
) -> Path:
    """Writes a recording as a zip file with the names, dtypes and shapes of the published ones.

    What is to be withheld must be zero already.
    The file appears under its name only once it is whole, and equal input gives equal bytes.

    Args:
        path: The zip file to write; a file that is there is replaced.
        session_key: Animal, session and scan, such as `26872-17-20`, or any name that a file can
            have.
        images: `(trials, height, width)` or, with colours, `(trials, height, width, channels)`;
            grey values 0 to 255, uint8 or float. What is read like an array, by `shape`, `dtype`
            and slices or indexes of trials (a dataset of h5py), is read some trials at a time.
        responses: `(trials, neurons)`, not negative.
        context: What else was recorded in each trial, name to `(trials, columns)`: `behavior`
            (pupil dilation, its derivative, running speed), `pupil_center` (horizontal, vertical)
            and any other signal.
        tiers: `(trials,)`, each one of the challenge's tiers.
        image_ids: `(trials,)` integers; repeats of an image share its id.
        trial_ids: `(trials,)` integers, or strings where they are hashed.
        unit_ids: `(neurons,)` integers.
        cell_motor_coordinates: `(neurons, 3)`, position in cortex in micrometres.
        image_class: Where the images come from; None to say nothing of it.
        neurons: What else is known of the neurons, name to `(neurons, ...)` numbers or text. If
            left out, `animal_ids`, `sessions` and `scan_idx` are those of the session key, `area`
            is V1 and `layer` L2/3.
        trials: What else is known of the trials, name to `(trials, ...)` numbers or text.
        statistics: Signal to its statistics over the training trials, `mean`, `std` and perhaps
            `min`, `max` and `median`, as of `Recording.stored_statistics`; those of other signals
            are computed.
        challenge: The benchmark whose form the file has.

    Returns:
        The path.

    Raises:
        SensoriumError: If the arrays do not fit each other or the file cannot be written.
    """
    path = expand(path)
    stem = challenge.free_stem(session_key)
    n_trials, n_neurons = len(tiers), len(unit_ids)
    tiers = np.asarray(tiers, str)
    if not isinstance(images, ArrayOfRows):
        images = np.asarray(images)
    context = {name: np.asarray(values) for name, values in (context or {}).items()}
    if len(images.shape) not in (3, 4) or 0 in images.shape:
        raise SensoriumError(
            f"{path}: images has shape {images.shape}, expected (trials, height, width) or "
            "(trials, height, width, channels)"
        )
    _check(path, "images", images, (n_trials, *images.shape[1:]))
    _check(path, "responses", responses, (n_trials, n_neurons))
    for name, values in context.items():
        check_context_name(name)
        if values.ndim != 2 or not values.size:
            raise SensoriumError(
                f"{path}: {name} has shape {values.shape}, expected ({n_trials}, columns)"
            )
        _check(path, name, values, (n_trials, values.shape[1]))
    _check(path, "image_ids", image_ids, (n_trials,))
    _check(path, "trial_ids", trial_ids, (n_trials,))
    _check(path, "cell_motor_coordinates", cell_motor_coordinates, (n_neurons, 3))
    if unknown := sorted(set(tiers.tolist()) - set(challenge.tiers)):
        raise SensoriumError(
            f"{path}: unknown tier {unknown[0]!r}: use {', '.join(challenge.tiers)}"
        )
    trial_ids = np.asarray(trial_ids)
    folders = {signal.name: signal.folder for signal in challenge.recording.signals}
    signals = {IMAGE: images, RESPONSE: np.asarray(responses), **context}
    statistics = statistics or {}
    check_names(statistics, signals, "signal of this recording with statistics")
    tier = challenge.training_tier
    training = np.flatnonzero(tiers == tier)
    if not training.size and {*signals} - {*statistics}:
        raise SensoriumError(f"{path}: no trial is in tier {tier!r}: the statistics need some")
    meta = {}
    for name, values in signals.items():
        if name in statistics:
            shape = () if name == IMAGE else values.shape[1:]
            found = _checked_statistics(path, name, statistics[name], shape)
        else:
            computed = (_of_images if name == IMAGE else _of_columns)(values, training)
            found = {key: np.asarray(value, np.float32) for key, value in computed.items()}
        for key, value in sorted(found.items()):
            meta[f"statistics/{folders.get(name, name)}/all/{key}"] = value
    if neurons is None:
        neurons = published_metadata(session_key, n_neurons)
    classes = {} if image_class is None else {"frame_image_class": np.full(n_trials, image_class)}
    trials = classes | {**(trials or {})}
    meta |= {
        **_metadata(path, "neurons", neurons, n_neurons),
        "neurons/cell_motor_coordinates": np.ascontiguousarray(cell_motor_coordinates, np.float64),
        "neurons/unit_ids": np.asarray(unit_ids, np.int64),
        **_metadata(path, "trials", trials, n_trials),
        "trials/frame_image_id": np.asarray(image_ids, np.int64),
        "trials/tiers": tiers.astype("<U10"),
        "trials/trial_idx": trial_ids if trial_ids.dtype.kind == "U" else trial_ids.astype("<i8"),
    }
    with (
        atomic_write(path, "wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=DEFLATE_LEVEL) as archive,
    ):
        add_file(archive, f"{stem}/config.json", b'{"links": {}}')
        for name, array in sorted(meta.items()):
            add_file(archive, f"{stem}/meta/{name}.npy", array_header(array) + array.tobytes())
        for name, values in signals.items():
            dtype, folder = _stored_dtype(values), folders.get(name, name)
            rows = (row for block in blocks_of(values) for row in _as_stored(name, block, dtype))
            # The rows of a signal share their header.
            header = None
            for trial in progress(range(n_trials), f"writing {folder}"):
                row = next(rows)
                header = array_header(row) if header is None else header
                add_file(archive, f"{stem}/data/{folder}/{trial}.npy", header + row.tobytes())
    return path


def is_metadata_name(name: str) -> bool:
    """Tells whether optional metadata of neurons or trials can have a name."""
    return name not in _REQUIRED_METADATA and bool(_FILE_NAME.fullmatch(name))


def _stored_dtype(values: np.ndarray | ArrayOfRows) -> type:
    return np.uint8 if values.dtype == np.uint8 else np.float32


def _as_stored(name: str, block: np.ndarray, dtype: type) -> np.ndarray:
    """Returns a block of a signal as the files hold it: images with the channel first."""
    if name == IMAGE:
        block = block[:, None] if block.ndim == 3 else np.moveaxis(block, -1, 1)
    return np.ascontiguousarray(block, dtype)


def _check(
    path: Path, name: str, array: np.ndarray | ArrayOfRows, expected: tuple[int, ...]
) -> None:
    array = array if isinstance(array, ArrayOfRows) else np.asarray(array)
    if array.shape != expected:
        raise SensoriumError(
            f"{path}: {name} has shape {array.shape}, expected {expected} (tiers and unit_ids set "
            "the numbers of trials and neurons)"
        )
    # A value that is not finite makes the sum so: no mask as large as the array.
    if array.dtype.kind == "f" and not all(
        np.isfinite(block.sum(dtype=np.float64)) for block in blocks_of(array)
    ):
        raise SensoriumError(f"{path}: {name} holds NaN or infinity: mend or leave out that trial")


def published_metadata(session_key: str, n_neurons: int) -> dict[str, np.ndarray]:
    """Returns the metadata that the neurons of a published recording have."""
    found = {"area": np.full(n_neurons, "V1"), "layer": np.full(n_neurons, "L2/3")}
    if re.fullmatch(r"\d{1,18}(-\d{1,18}){2}", session_key):
        parts = zip(("animal_ids", "sessions", "scan_idx"), session_key.split("-"), strict=True)
        found |= {name: np.full(n_neurons, int(part)) for name, part in parts}
    return found


def _metadata(
    path: Path, kind: str, columns: Mapping[str, np.ndarray], n_rows: int
) -> dict[str, np.ndarray]:
    """Returns optional metadata as they are written, by the names of their files."""
    found = {}
    for name, values in columns.items():
        values = np.asarray(values)
        if not is_metadata_name(name):
            raise SensoriumError(
                f"{path}: {kind} {shown(name)}: expected the name of a file, and not "
                f"{', '.join(_REQUIRED_METADATA)}, which have arguments of their own"
            )
        if values.shape[:1] != (n_rows,) or values.dtype.kind not in "biufU":
            raise SensoriumError(
                f"{path}: {kind} {name} has shape {values.shape} and dtype {values.dtype}, "
                f"expected numbers or text of shape ({n_rows}, ...)"
            )
        found[f"{kind}/{name}"] = np.ascontiguousarray(values)
    return found


def _checked_statistics(
    path: Path, name: str, found: Mapping[str, np.ndarray], shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Returns statistics of a signal that were computed elsewhere."""
    shape = () if name == IMAGE else shape
    check_names(found, STATISTICS, f"statistic ({name})")
    values = {key: np.asarray(value) for key, value in found.items()}
    for key in ("mean", "std"):
        if key not in values:
            raise SensoriumError(f"{path}: statistics of {name}: {key} is missing")
    for key, each in values.items():
        fits = each.shape == shape and each.dtype.kind in "iuf" and np.isfinite(each).all()
        if not fits:
            raise SensoriumError(
                f"{path}: {key} of {name} has shape {each.shape}, expected finite numbers of shape "
                f"{shape}"
            )
    return values


def _of_images(images: np.ndarray | ArrayOfRows, training: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics over all pixels."""
    return pixel_statistics(lambda: blocks_of(images, training))


def _of_columns(values: np.ndarray, training: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics over the training trials of every column, some columns at a time."""
    values = np.asarray(values)
    n = max(1, BLOCK_BYTES // (8 * len(training)))
    blocks = [column_statistics(values[training, i : i + n]) for i in range(0, values.shape[1], n)]
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
