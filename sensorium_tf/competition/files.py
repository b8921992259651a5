"""The competition's files: predicted rates or recorded responses as CSV, a row a trial.

A row names its trial, its image and, as Python lists in text, one value a neuron and the unit ids
of those neurons. The lists are parsed as data (JSON), never evaluated.
"""

import contextlib
import csv
import hashlib
import json
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.io import atomic_write, expand

#: Tier to the name that the competition gives its file.
SUBMISSION_FILES = {
    "test": "submission_file_live_test.csv",
    "final_test": "submission_file_final_test.csv",
}
_LABEL = "submission.json"
_TRIAL, _IMAGE, _NEURONS = "trial_indices", "image_ids", "neuron_ids"
PREDICTION, RESPONSES = "prediction", "responses"
# JSON knows NaN and Infinity; Python's own text for a list has these.
_NOT_FINITE = re.compile(r"\b(nan|inf)\b")


def ground_truth_file(tier: str) -> str:
    """Returns the name of a tier's ground-truth file."""
    return f"ground_truth_file_{tier}.csv"


def write_submission(
    path: str | os.PathLike,
    *,
    rates: ArrayLike,
    trial_ids: ArrayLike,
    image_ids: ArrayLike,
    unit_ids: ArrayLike,
) -> None:
    """Writes a submission file.

    Args:
      path: the file; it is complete or not there.
      rates: `(trials, neurons)`, predicted, in units of the responses' std.
      trial_ids: `(trials,)`, numbers or md5 strings.
      image_ids: `(trials,)`.
      unit_ids: `(neurons,)`.

    Raises:
      SensoriumError: if the shapes disagree, an id is there twice, a unit id is no whole number
        or a value is not finite (then nothing is written), or the file cannot be written.
    """
    _write(path, PREDICTION, rates, trial_ids, image_ids, unit_ids)


def write_label(
    submissions: Sequence[Path], *, model: str, mouse: str, uses: dict[str, Any]
) -> None:
    """Writes `submission.json`: what submissions are of, so that unequal ones can be told apart.

    Args:
      submissions: files in one folder, which the label is put into.
      model: what it is called.
      mouse: whose responses are predicted.
      uses: the signals and trials that the model uses, JSON values.

    Raises:
      SensoriumError: if the file cannot be written.
    """
    label = {"model": model, "mouse": mouse, "uses": uses}
    files = {path.name: _digest(path) for path in submissions}
    with atomic_write(submissions[0].with_name(_LABEL)) as file:
        json.dump({**label, "sha256": files}, file, indent=2)


def read_label(submission: str | os.PathLike) -> dict[str, Any] | None:
    """Returns what `submission.json` beside a submission file says of it.

    Returns:
      `{"model", "mouse", "uses"}`; None if there is no label, it is another file's or, with a
      warning, it is damaged.
    """
    submission = expand(submission)
    path = submission.with_name(_LABEL)
    try:
        label = json.loads(path.read_text("utf-8"), parse_constant=_refuse_constant)
        if label["sha256"].get(submission.name) != _digest(submission):
            return None
        found = {"model": str(label["model"]), "mouse": str(label["mouse"])}
        return {**found, "uses": dict(label["uses"])}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError) as e:
        warnings.warn(f"{path}: is not the label of a submission ({one_line(e)})", stacklevel=2)
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_ground_truth(
    path: str | os.PathLike,
    *,
    responses: ArrayLike,
    trial_ids: ArrayLike,
    image_ids: ArrayLike,
    unit_ids: ArrayLike,
) -> None:
    """Writes a ground-truth file: as `write_submission`, with standardised responses.

    Args:
      path: the file; it is complete or not there.
      responses: `(trials, neurons)`, divided by their std.
      trial_ids: `(trials,)`, numbers or md5 strings.
      image_ids: `(trials,)`.
      unit_ids: `(neurons,)`.

    Raises:
      SensoriumError: as `write_submission`.
    """
    _write(path, RESPONSES, responses, trial_ids, image_ids, unit_ids)


class Rows:
    """The rows of a submission or ground-truth file, one at a time.

    Args:
      path: the file.
      column: `prediction` or `responses`.

    Attributes:
      path: the file.
    """

    def __init__(self, path: str | os.PathLike, column: str):
        self.path = expand(path)
        self._column = column

    def __iter__(self) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
        """Yields trial id, image id, values `(neurons,)` and unit ids `(neurons,)` of each row.

        Raises:
          SensoriumError: if the file or a row of it is not what it should be.
        """
        seen: set[str] = set()
        unit_ids_text, unit_ids = None, None
        for row in self._raw_rows():
            trial = (row[_TRIAL] or "").strip()
            if not trial:
                raise self.error("a row without trial id")
            if trial in seen:
                raise self.error(f"trial {trial} is there twice")
            seen.add(trial)
            values = self._numbers(row[self._column], trial, self._column, float)
            # Nearly always the same text in each row: parse it once.
            if row[_NEURONS] != unit_ids_text:
                unit_ids = self._numbers(row[_NEURONS], trial, _NEURONS, int)
                if not unit_ids.size:
                    raise self.error(f"trial {trial}: no neuron in {_NEURONS}")
                distinct, counts = np.unique(unit_ids, return_counts=True)
                if len(distinct) < len(unit_ids):
                    doubled = distinct[np.argmax(counts)]
                    raise self.error(f"trial {trial}: neuron {doubled} is in {_NEURONS} twice")
                unit_ids_text = row[_NEURONS]
            if len(values) != len(unit_ids):
                raise self.error(
                    f"trial {trial}: {len(values)} values in {self._column} for {len(unit_ids)} "
                    f"neurons in {_NEURONS}"
                )
            yield trial, (row[_IMAGE] or "").strip(), values, unit_ids
        if not seen:
            raise self.error("no trial in it")

    def error(self, text: str) -> SensoriumError:
        """Returns an error that names the file."""
        return SensoriumError(f"{self.path}: {text}")

    def _raw_rows(self) -> Iterator[dict[str, str | None]]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, strict=True)
                needed = [_TRIAL, _IMAGE, self._column, _NEURONS]
                missing = [name for name in needed if name not in (reader.fieldnames or ())]
                if missing:
                    raise self.error(
                        f"column {missing[0]!r} is missing: expected a CSV file with "
                        f"{', '.join(needed)}"
                    )
                if len(set(reader.fieldnames)) < len(reader.fieldnames):
                    raise self.error("a column is there twice")
                while (row := _next_row(reader)) is not None:
                    if None in row:
                        raise self.error(f"trial {row[_TRIAL]}: more cells than columns")
                    yield row
        except OSError as e:
            raise self.error(f"cannot be read ({e.strerror or e})") from e
        except (csv.Error, UnicodeDecodeError) as e:
            raise self.error(f"not a CSV file in UTF-8 ({e})") from e

    def _numbers(self, text: str | None, trial: str, column: str, kind: type) -> np.ndarray:
        """Parses a list of numbers as data."""
        try:
            values = json.loads(text or "", parse_constant=_refuse_constant)
        except _NotFiniteError as e:
            raise self.error(f"trial {trial}: {column} holds {e}, expected finite numbers") from e
        except (ValueError, RecursionError) as e:
            if found := _NOT_FINITE.search(text or ""):
                raise self.error(
                    f"trial {trial}: {column} holds {found[0]}, expected finite numbers"
                ) from e
            raise self.error(
                f"trial {trial}: {column} is not a list of numbers: expected text such as "
                "[0.5, 1.25]"
            ) from e
        allowed = (int,) if kind is int else (int, float)
        # `type`, not `isinstance`: true and false are no numbers.
        if not isinstance(values, list) or not set(map(type, values)) <= set(allowed):
            raise self.error(
                f"trial {trial}: {column} is not a list of "
                f"{'whole numbers' if kind is int else 'numbers'}"
            )
        too_large = self.error(f"trial {trial}: {column} holds a number too large")
        try:
            with np.errstate(over="ignore"):
                array = np.array(values, np.int64 if kind is int else np.float32)
        except OverflowError as e:
            raise too_large from e
        if not np.isfinite(array).all():
            raise too_large
        return array


class _NotFiniteError(ValueError):
    """A list holds NaN or infinity."""


def _refuse_constant(name: str) -> None:
    raise _NotFiniteError(name)


def _next_row(reader: csv.DictReader) -> dict[str, str | None] | None:
    # Not around the whole loop: the limit is the process's, and a suspended reader would hold it.
    with _long_fields():
        return next(reader, None)


@contextlib.contextmanager
def _long_fields() -> Iterator[None]:
    """Lifts the csv module's limit of 131,072 characters, which a row of 8,000 neurons exceeds."""
    limit = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _write(
    path: str | os.PathLike,
    column: str,
    values: ArrayLike,
    trial_ids: ArrayLike,
    image_ids: ArrayLike,
    unit_ids: ArrayLike,
) -> None:
    values = np.asarray(values, np.float32)
    trial_ids, image_ids, unit_ids = map(np.asarray, (trial_ids, image_ids, unit_ids))
    if values.shape != (len(trial_ids), len(unit_ids)) or len(image_ids) != len(trial_ids):
        raise SensoriumError(
            f"{path}: {column} has shape {values.shape}, for {len(trial_ids)} trial ids, "
            f"{len(image_ids)} image ids and {len(unit_ids)} unit ids"
        )
    if not values.size:
        raise SensoriumError(f"{path}: {column} has no trial or no neuron: nothing could be scored")
    if unit_ids.dtype.kind not in "iu":
        raise SensoriumError(f"{path}: unit ids are {unit_ids.dtype}, expected whole numbers")
    for name, ids in (("trial", trial_ids), ("unit", unit_ids)):
        if len(np.unique(ids)) < len(ids):
            raise SensoriumError(f"{path}: a {name} id is there twice: it could not be scored")
    for trial in map(str, trial_ids.tolist()):
        if not trial or trial != trial.strip() or not trial.isprintable():
            raise SensoriumError(f"{path}: trial id {trial!r} could not be read back")
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        trial = trial_ids[int(np.argmin(finite))]
        raise SensoriumError(f"{path}: {column} of trial {trial} holds NaN or infinity")
    neurons = str(unit_ids.tolist())
    # Nine digits read back as the same float32; one format for the row is the fastest way.
    row_format = f"[{', '.join(['%.9g'] * len(unit_ids))}]"
    with atomic_write(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([_TRIAL, _IMAGE, column, _NEURONS])
        for trial, image, row in zip(trial_ids.tolist(), image_ids.tolist(), values, strict=True):
            writer.writerow([trial, image, row_format % tuple(row.tolist()), neurons])
