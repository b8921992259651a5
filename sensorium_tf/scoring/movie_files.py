"""The movie competition's files: predicted rates or recorded responses as parquet, a row a trial.

One file is of all mice. A row names its mouse, its trial and, in nested lists, a value for each
neuron and frame and the unit ids of those neurons; ground truth names the movie, too.
"""

import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.scoring.files import NEURONS, PREDICTION, RESPONSES, TRIAL

MOUSE, VIDEO = "mouse", "video_ids"
# Higher levels take many times as long, and rates hardly get smaller by them.
_BROTLI_LEVEL = 3
# The oldest date a zip can hold: equal files make equal zips.
_TIMESTAMP = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, eq=False)
class MovieRow:
    """What a file says of one trial.

    Attributes:
        mouse: Name of its recording's file without `.zip`, or its session key.
        trial: Number of the trial's files in the recording.
        values: `(frames, neurons)` float32, rates or responses in units of the responses' std; of
            the last frames of the movie, those that are scored.
        unit_ids: `(neurons,)` whole numbers.
        video_id: Which movie it was, repeats share it; None in a submission.
    """

    mouse: str
    trial: int
    values: np.ndarray
    unit_ids: np.ndarray
    video_id: int | None = None


def write_movie_submission(path: str | os.PathLike, rows: Iterable[MovieRow]) -> None:
    """Writes a submission of movies, one trial after another: memory holds one.

    Args:
        path: The file; it is complete or not there.
        rows: A trial each, of one mouse after the other.

    Raises:
        SensoriumError: If the shapes disagree, a trial or neuron is there twice, a value is not
            finite (then nothing is written), pyarrow is not installed, or the file cannot be
            written.
    """
    _write(path, PREDICTION, rows)


def write_movie_ground_truth(path: str | os.PathLike, rows: Iterable[MovieRow]) -> None:
    """Writes a ground-truth file of movies: as `write_movie_submission`, with `video_id`.

    Args:
        path: The file; it is complete or not there.
        rows: A trial each, with standardised responses.

    Raises:
        SensoriumError: As `write_movie_submission`.
    """
    _write(path, RESPONSES, rows)


def zip_submission(path: str | os.PathLike, submissions: Sequence[str | os.PathLike]) -> Path:
    """Puts submission files into one zip without a folder, as the competition takes them.

    Args:
        path: The zip; it is complete or not there.
        submissions: The files.

    Returns:
        The path.

    Raises:
        SensoriumError: If two files have the same name, or one cannot be read or written.
    """
    files = [expand(each) for each in submissions]
    if len({file.name for file in files}) < len(files):
        raise SensoriumError(f"{path}: two submissions of the same name cannot be in one zip")
    with atomic_write(path, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        for each in files:
            # They are compressed already.
            info = zipfile.ZipInfo(each.name, _TIMESTAMP)
            info.external_attr = 0o644 << 16
            info.file_size = each.stat().st_size
            with each.open("rb") as source, archive.open(info, "w") as target:
                while block := source.read(1 << 20):
                    target.write(block)
    return expand(path)


def parquet_library() -> tuple[ModuleType, ModuleType]:
    """Returns pyarrow and its parquet module.

    Raises:
        SensoriumError: If it is not installed.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as e:
        raise SensoriumError(
            "files of movie competitions need pyarrow: pip install 'sensorium_tf[movies]' (or pip "
            "install '.[movies]' in a clone)"
        ) from e
    return pyarrow, parquet


def _write(path: str | os.PathLike, column: str, rows: Iterable[MovieRow]) -> None:
    pa, parquet = parquet_library()
    columns = {
        MOUSE: pa.string(),
        TRIAL: pa.int64(),
        column: pa.list_(pa.list_(pa.float32())),
        NEURONS: pa.list_(pa.int64()),
    }
    if column == RESPONSES:
        columns[VIDEO] = pa.int64()
    schema = pa.schema(columns)
    seen: set[tuple[str, int]] = set()
    with (
        atomic_write(path, "wb") as file,
        parquet.ParquetWriter(
            file,
            schema,
            compression="brotli",
            compression_level=_BROTLI_LEVEL,
            use_dictionary=False,
            write_statistics=False,
            write_page_checksum=True,
        ) as writer,
    ):
        for row in rows:
            values, unit_ids = _checked(path, column, row)
            if (row.mouse, row.trial) in seen:
                raise SensoriumError(f"{path}: duplicate trial {row.trial} of {row.mouse}")
            seen.add((row.mouse, row.trial))
            n_frames, n_neurons = values.shape
            cells = {
                MOUSE: [row.mouse],
                TRIAL: [row.trial],
                column: _lists(pa, _lists(pa, values.T.ravel(), n_frames), n_neurons),
                NEURONS: _lists(pa, unit_ids, n_neurons),
                VIDEO: [row.video_id],
            }
            # A row group a trial: readers can take or leave each.
            writer.write_table(pa.table([cells[name] for name in columns], schema=schema))
        if not seen:
            raise SensoriumError(f"{path}: no trial to write")


def _lists(pa: ModuleType, values: np.ndarray, length: int):
    """Returns values as lists of the same length each."""
    offsets = pa.array(np.arange(0, len(values) + 1, length, dtype=np.int32))
    return pa.ListArray.from_arrays(offsets, pa.array(values))


def _checked(path: str | os.PathLike, column: str, row: MovieRow) -> tuple[np.ndarray, np.ndarray]:
    """Returns values and unit ids of a row that can be read back."""
    values, unit_ids = np.asarray(row.values, np.float32), np.asarray(row.unit_ids)
    where = f"{path}: trial {row.trial} of {row.mouse}"
    if values.ndim != 2 or not values.size or unit_ids.shape != values.shape[1:]:
        raise SensoriumError(
            f"{where}: {column} has shape {values.shape}, for {len(unit_ids)} unit ids, expected "
            "(frames, neurons)"
        )
    if unit_ids.dtype.kind not in "iu" or len(np.unique(unit_ids)) < len(unit_ids):
        raise SensoriumError(f"{where}: unit ids are no different whole numbers")
    if not np.isfinite(values).all():
        raise SensoriumError(f"{where}: {column} holds NaN or infinity")
    if column == RESPONSES and row.video_id is None:
        raise SensoriumError(f"{where}: ground truth needs the movie's id")
    return values, unit_ids.astype(np.int64)
