"""A recording written in the published file tree."""

import io
import zipfile
from pathlib import Path

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.files import atomic_write, expand
from sensorium_tf.recordings.catalog import recording_stem
from sensorium_tf.recordings.recording import IMAGE_SHAPE, TIERS

# Responses and photographs deflate little better at higher levels, which take several times as
# long.
_DEFLATE_LEVEL = 1
# The oldest date a zip can hold: a file written twice has the same bytes.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
_BLOCK_BYTES = 1 << 25


def write_recording(
    path: str | Path,
    *,
    session_key: str,
    images: np.ndarray,
    responses: np.ndarray,
    behavior: np.ndarray,
    pupil_center: np.ndarray,
    tiers: np.ndarray,
    image_ids: np.ndarray,
    trial_ids: np.ndarray,
    unit_ids: np.ndarray,
    cell_motor_coordinates: np.ndarray,
    image_class: str = "imagenet",
) -> Path:
    """Writes a recording as a zip file with the names, dtypes and shapes of the published ones.

    The statistics are taken over the training trials. What is to be withheld must be zero already.
    The file appears under its name only once it is whole, and equal input gives equal bytes.

    Args:
      path: the zip file to write; a file that is there is replaced.
      session_key: animal, session and scan, such as `26872-17-20`.
      images: `(trials, 144, 256)`, grey values 0 to 255, uint8 or float.
      responses: `(trials, neurons)`, not negative.
      behavior: `(trials, 3)`: pupil dilation, its derivative, running speed.
      pupil_center: `(trials, 2)`: horizontal, vertical.
      tiers: `(trials,)` of `train`, `validation`, `test` and `final_test`.
      image_ids: `(trials,)` integers; repeats of an image share its id.
      trial_ids: `(trials,)` integers, or strings where they are hashed.
      unit_ids: `(neurons,)` integers.
      cell_motor_coordinates: `(neurons, 3)`, position in cortex in micrometres.
      image_class: where the images come from.

    Returns:
      The path.

    Raises:
      SensoriumError: if the arrays do not fit each other or the file cannot be written.
    """
    path = expand(path)
    stem = recording_stem(session_key)
    n_trials, n_neurons = len(tiers), len(unit_ids)
    tiers = np.asarray(tiers, "<U10")
    _check(path, "images", images, (n_trials, *IMAGE_SHAPE[:2]))
    _check(path, "responses", responses, (n_trials, n_neurons))
    _check(path, "behavior", behavior, (n_trials, 3))
    _check(path, "pupil_center", pupil_center, (n_trials, 2))
    _check(path, "image_ids", image_ids, (n_trials,))
    _check(path, "trial_ids", trial_ids, (n_trials,))
    _check(path, "cell_motor_coordinates", cell_motor_coordinates, (n_neurons, 3))
    if unknown := sorted(set(tiers.tolist()) - set(TIERS)):
        raise SensoriumError(f"{path}: unknown tier {unknown[0]!r}: use {', '.join(TIERS)}")
    training = np.flatnonzero(tiers == "train")
    if not training.size:
        raise SensoriumError(f"{path}: no trial is in tier 'train': the statistics need some")

    trial_ids = np.asarray(trial_ids)
    images_dtype = np.uint8 if np.asarray(images).dtype == np.uint8 else np.float32
    meta = {
        **_statistics("images", _image_statistics(images, training)),
        **_statistics("pupil_center", _column_statistics(pupil_center, training)),
        **_statistics("responses", _column_statistics(responses, training)),
        **_statistics("behavior", _column_statistics(behavior, training)),
        **_neuron_metadata(session_key, unit_ids, cell_motor_coordinates),
        "trials/frame_image_class": np.full(n_trials, image_class),
        "trials/frame_image_id": np.asarray(image_ids, np.int64),
        "trials/tiers": tiers,
        "trials/trial_idx": trial_ids if trial_ids.dtype.kind == "U" else trial_ids.astype("<i8"),
    }
    with (
        atomic_write(path, "wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_DEFLATE_LEVEL) as archive,
    ):
        _add(archive, f"{stem}/config.json", b'{"links": {}}')
        for name, array in meta.items():
            _add(archive, f"{stem}/meta/{name}.npy", _npy_header(array) + array.tobytes())
        for signal, rows, dtype in (
            ("images", np.asarray(images)[:, None], images_dtype),
            ("responses", responses, np.float32),
            ("behavior", behavior, np.float32),
            ("pupil_center", pupil_center, np.float32),
        ):
            # The rows of a signal share their header.
            header = _npy_header(np.empty(np.shape(rows)[1:], dtype))
            for trial, row in enumerate(rows):
                content = header + np.asarray(row, dtype).tobytes()
                _add(archive, f"{stem}/data/{signal}/{trial}.npy", content)
    return path


def _check(path: Path, name: str, array: np.ndarray, expected: tuple[int, ...]) -> None:
    array = np.asarray(array)
    if array.shape != expected:
        raise SensoriumError(
            f"{path}: {name} has shape {array.shape}, expected {expected} (tiers and unit_ids set "
            "the numbers of trials and neurons)"
        )
    # A value that is not finite makes the sum so: no mask as large as the array.
    if array.dtype.kind == "f" and not np.isfinite(array.sum(dtype=np.float64)):
        raise SensoriumError(f"{path}: {name} holds NaN or infinity: mend or leave out that trial")


def _neuron_metadata(
    session_key: str, unit_ids: np.ndarray, cell_motor_coordinates: np.ndarray
) -> dict[str, np.ndarray]:
    n_neurons = len(unit_ids)
    animal, session, scan = (np.full(n_neurons, int(part)) for part in session_key.split("-"))
    return {
        "neurons/animal_ids": animal,
        "neurons/area": np.full(n_neurons, "V1"),
        "neurons/cell_motor_coordinates": np.ascontiguousarray(cell_motor_coordinates, np.float64),
        "neurons/layer": np.full(n_neurons, "L2/3"),
        "neurons/scan_idx": scan,
        "neurons/sessions": session,
        "neurons/unit_ids": np.asarray(unit_ids, np.int64),
    }


def _statistics(signal: str, statistics: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        f"statistics/{signal}/all/{name}": np.asarray(value, np.float32)
        for name, value in sorted(statistics.items())
    }


def _image_statistics(images: np.ndarray, training: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics over all pixels, by how often each brightness occurs: no copy of the images."""
    images_per_block = max(1, _BLOCK_BYTES // images[0].nbytes)
    blocks = [
        np.unique(images[training[start : start + images_per_block]], return_counts=True)
        for start in range(0, len(training), images_per_block)
    ]
    values, block_rows = np.unique(np.concatenate([v for v, _ in blocks]), return_inverse=True)
    counts = np.bincount(block_rows, np.concatenate([c for _, c in blocks]))
    values = values.astype(np.float64)
    mean = np.average(values, weights=counts)
    below = np.cumsum(counts)
    middle = [
        np.searchsorted(below, half, "right") for half in ((below[-1] - 1) // 2, below[-1] // 2)
    ]
    return {
        "mean": mean,
        "std": np.sqrt(np.average((values - mean) ** 2, weights=counts)),
        "min": values[0],
        "max": values[-1],
        "median": values[middle].mean(),
    }


def _column_statistics(signal: np.ndarray, training: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics over the training trials of every column, a block of columns at a time."""
    signal = np.asarray(signal)
    columns_per_block = max(1, _BLOCK_BYTES // (8 * len(training)))
    blocks = []
    for start in range(0, signal.shape[1], columns_per_block):
        block = signal[training, start : start + columns_per_block].astype(np.float64)
        blocks.append(
            {
                name: getattr(np, name)(block, axis=0)
                for name in ("mean", "std", "min", "max", "median")
            }
        )
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


def _npy_header(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
    return stream.getvalue()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, _TIMESTAMP)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix on every system, for the sake of equal bytes
    info.external_attr = 0o644 << 16
    archive.writestr(info, content, compresslevel=_DEFLATE_LEVEL)
