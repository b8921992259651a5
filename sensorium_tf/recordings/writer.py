"""A recording written in the published file tree."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.recordings.statistics import column_statistics, pixel_statistics
from sensorium_tf.specs import IMAGE, RESPONSE, check_context_name

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
    context: Mapping[str, np.ndarray] | None = None,
    tiers: np.ndarray,
    image_ids: np.ndarray,
    trial_ids: np.ndarray,
    unit_ids: np.ndarray,
    cell_motor_coordinates: np.ndarray,
    image_class: str = "imagenet",
    challenge: Challenge = DEFAULT,
) -> Path:
    """Writes a recording as a zip file with the names, dtypes and shapes of the published ones.

    The statistics are taken over the training trials. What is to be withheld must be zero already.
    The file appears under its name only once it is whole, and equal input gives equal bytes.

    Args:
        path: The zip file to write; a file that is there is replaced.
        session_key: Animal, session and scan, such as `26872-17-20`.
        images: `(trials, height, width)` or, with colours, `(trials, height, width, channels)`;
            grey values 0 to 255, uint8 or float.
        responses: `(trials, neurons)`, not negative.
        context: What else was recorded in each trial, name to `(trials, columns)`: `behavior`
            (pupil dilation, its derivative, running speed), `pupil_center` (horizontal, vertical)
            and any other signal.
        tiers: `(trials,)`, each one of the challenge's tiers.
        image_ids: `(trials,)` integers; repeats of an image share its id.
        trial_ids: `(trials,)` integers, or strings where they are hashed.
        unit_ids: `(neurons,)` integers.
        cell_motor_coordinates: `(neurons, 3)`, position in cortex in micrometres.
        image_class: Where the images come from.
        challenge: The benchmark whose form the file has.

    Returns:
        The path.

    Raises:
        SensoriumError: If the arrays do not fit each other or the file cannot be written.
    """
    path = expand(path)
    stem = challenge.recording_stem(session_key)
    n_trials, n_neurons = len(tiers), len(unit_ids)
    tiers, images = np.asarray(tiers, "<U10"), np.asarray(images)
    context = {name: np.asarray(values) for name, values in (context or {}).items()}
    if images.ndim not in (3, 4) or 0 in images.shape:
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
    tier = challenge.training_tier
    training = np.flatnonzero(tiers == tier)
    if not training.size:
        raise SensoriumError(f"{path}: no trial is in tier {tier!r}: the statistics need some")

    trial_ids = np.asarray(trial_ids)
    images = images[:, None] if images.ndim == 3 else np.moveaxis(images, -1, 1)
    images_dtype = np.uint8 if images.dtype == np.uint8 else np.float32
    known = {signal.name: signal.folder for signal in challenge.recording.signals}
    signals = {IMAGE: images, RESPONSE: responses, **context}
    meta = {}
    for name, values in signals.items():
        statistics = _of_images if name == IMAGE else _of_columns
        for key, value in sorted(statistics(values, training).items()):
            meta[f"statistics/{known.get(name, name)}/all/{key}"] = np.asarray(value, np.float32)
    meta |= {
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
        for name, rows in signals.items():
            dtype = images_dtype if name == IMAGE else np.float32
            # The rows of a signal share their header.
            header = _npy_header(np.empty(np.shape(rows)[1:], dtype))
            for trial, row in enumerate(rows):
                content = header + np.asarray(row, dtype).tobytes()
                _add(archive, f"{stem}/data/{known.get(name, name)}/{trial}.npy", content)
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


def _of_images(images: np.ndarray, training: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics over all pixels, some images at a time: no copy of them all."""
    n = max(1, _BLOCK_BYTES // images[0].nbytes)
    return pixel_statistics(images[training[i : i + n]] for i in range(0, len(training), n))


def _of_columns(values: np.ndarray, training: np.ndarray) -> dict[str, np.ndarray]:
    """Statistics over the training trials of every column, some columns at a time."""
    values = np.asarray(values)
    n = max(1, _BLOCK_BYTES // (8 * len(training)))
    blocks = [column_statistics(values[training, i : i + n]) for i in range(0, values.shape[1], n)]
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
