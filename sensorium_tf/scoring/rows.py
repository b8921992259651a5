"""The rows of a submission or ground-truth file, checked one by one."""

import io
import json
import os
import re
from collections.abc import Iterator

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.reading import cannot_read, open_regular
from sensorium_tf.scoring.csv_records import NotCsvError, records
from sensorium_tf.scoring.files import IMAGE, NEURONS, TRIAL

# JSON knows NaN and Infinity; Python's own text for a list has these.
_NOT_FINITE = re.compile(r"\b(nan|inf)\b")
# What is no CSV at all is one long cell: of a picture, of zeros.
_LONGEST_COLUMN_NAME = 131_072


class Rows:
    """The rows of a submission or ground-truth file, one at a time.

    Their lists are parsed as data (JSON), never evaluated.

    Args:
        path: The file.
        column: `prediction` or `responses`.

    Attributes:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike, column: str):
        self.path = expand(path)
        self._column = column

    def __iter__(self) -> Iterator[tuple[str, str, np.ndarray, np.ndarray]]:
        """Yields trial id, image id, values `(neurons,)` and unit ids `(neurons,)` of each row.

        Raises:
            SensoriumError: If the file or a row of it is not what it should be.
        """
        seen: set[str] = set()
        unit_ids_text, unit_ids = None, None
        for trial, image, values_text, neurons_text in self._cells():
            trial = trial.strip()
            if not trial:
                raise self.error("a row without trial id")
            if trial in seen:
                raise self.error(f"duplicate trial {trial}")
            seen.add(trial)
            values = self._numbers(values_text, trial, self._column, float)
            # Nearly always the same text in each row: parse it once.
            if neurons_text != unit_ids_text:
                unit_ids = self._numbers(neurons_text, trial, NEURONS, int)
                if not unit_ids.size:
                    raise self.error(f"trial {trial}: no neuron in {NEURONS}")
                distinct, counts = np.unique(unit_ids, return_counts=True)
                if len(distinct) < len(unit_ids):
                    doubled = distinct[np.argmax(counts)]
                    raise self.error(f"trial {trial}: neuron {doubled} is in {NEURONS} twice")
                unit_ids_text = neurons_text
            if len(values) != len(unit_ids):
                raise self.error(
                    f"trial {trial}: {len(values)} values in {self._column} for {len(unit_ids)} "
                    f"neurons in {NEURONS}"
                )
            yield trial, image.strip(), values, unit_ids
        if not seen:
            raise self.error("no trial in it")

    def error(self, text: str) -> SensoriumError:
        """Returns an error that names the file."""
        return SensoriumError(f"{self.path}: {text}")

    def _cells(self) -> Iterator[list[str]]:
        """Yields the four cells of each row; those that a row lacks are empty."""
        needed = [TRIAL, IMAGE, self._column, NEURONS]
        try:
            with (
                open_regular(self.path) as binary,
                io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as file,
            ):
                found = records(file)
                columns = next(found, [])
                if max(map(len, columns), default=0) > _LONGEST_COLUMN_NAME:
                    raise NotCsvError(
                        f"a column's name has more than {_LONGEST_COLUMN_NAME} characters"
                    )
                missing = [name for name in needed if name not in columns]
                if missing:
                    raise self.error(
                        f"column {missing[0]!r} is missing: expected a CSV file with "
                        f"{', '.join(needed)}"
                    )
                if len(set(columns)) < len(columns):
                    raise self.error("duplicate column")
                places = [columns.index(name) for name in needed]
                for cells in found:
                    if len(cells) > len(columns):
                        trial = cells[places[0]]
                        raise self.error(f"trial {trial}: more cells than columns")
                    if cells:
                        cells += [""] * (len(columns) - len(cells))
                        yield [cells[place] for place in places]
        except FileNotFoundError as e:
            raise self.error("there is no such file") from e
        except OSError as e:
            raise cannot_read(self.path, e) from e
        except (NotCsvError, UnicodeDecodeError) as e:
            raise self.error(f"not a CSV file in UTF-8 ({e})") from e

    def _numbers(self, text: str, trial: str, column: str, kind: type) -> np.ndarray:
        """Parses a list of numbers as data."""
        try:
            values = json.loads(text, parse_constant=_refuse_constant)
        except _NotFiniteError as e:
            raise self.error(f"trial {trial}: {column} holds {e}, expected finite numbers") from e
        except (ValueError, RecursionError) as e:
            if found := _NOT_FINITE.search(text):
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
