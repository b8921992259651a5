"""The rows of a submission or ground-truth file, checked one by one."""

import io
import os
from collections.abc import Iterator

import numpy as np

from sensorium_tf.errors import SensoriumError, shown
from sensorium_tf.io import expand
from sensorium_tf.reading import open_regular, reading
from sensorium_tf.scoring.csv_records import LONGEST_RECORD, NotCsvError, records
from sensorium_tf.scoring.files import IMAGE, NEURONS, TRIAL
from sensorium_tf.scoring.lists import NotAListError, parse_list

_LONGEST_SHOWN = 64  # an md5 has half as many characters
# Spreadsheets write others where the comma is the decimal point.
_SEPARATORS = (",", ";", "\t")
# What is no CSV at all is one long cell: of a picture, of zeros.
_LONGEST_COLUMN_NAME = 131_072


class Rows:
    """The rows of a submission or ground-truth file, one at a time.

    Their lists are parsed as data, never evaluated.

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
            trial, image = _plain_id(trial), _plain_id(image)
            if not trial:
                raise self.error("a row without trial id")
            if trial in seen:
                raise self.error(f"duplicate trial {shown_id(trial)}")
            seen.add(trial)
            values = self._numbers(values_text, trial, self._column, whole=False)
            # Nearly always the same text in each row: parse it once.
            if neurons_text != unit_ids_text:
                unit_ids = self._numbers(neurons_text, trial, NEURONS, whole=True)
                if not unit_ids.size:
                    raise self.error(f"trial {shown_id(trial)}: no neuron in {NEURONS}")
                distinct, counts = np.unique(unit_ids, return_counts=True)
                if len(distinct) < len(unit_ids):
                    doubled = distinct[np.argmax(counts)]
                    raise self.error(
                        f"trial {shown_id(trial)}: neuron {doubled} is in {NEURONS} twice"
                    )
                unit_ids_text = neurons_text
            if len(values) != len(unit_ids):
                raise self.error(
                    f"trial {shown_id(trial)}: {len(values)} values in {self._column} for "
                    f"{len(unit_ids)} neurons in {NEURONS}"
                )
            yield trial, image, values, unit_ids
        if not seen:
            raise self.error("no trial in it")

    def error(self, text: str) -> SensoriumError:
        """Returns an error that names the file."""
        return SensoriumError(f"{self.path}: {text}")

    def _cells(self) -> Iterator[list[str]]:
        """Yields the four cells of each row; those that a row lacks are empty."""
        needed = [TRIAL, IMAGE, self._column, NEURONS]
        with (
            reading(self.path, "not a CSV file in UTF-8", missing="there is no such file"),
            open_regular(self.path) as binary,
            io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as file,
        ):
            start, header = file.tell(), file.readline(LONGEST_RECORD)
            # Empty lines, and the one in which a spreadsheet names its separator.
            while header and (not header.strip() or header.startswith("sep=")):
                start, header = file.tell(), file.readline(LONGEST_RECORD)
            separator = max(_SEPARATORS, key=header.count)
            file.seek(start)
            found = records(file, separator)
            columns = [_plain_name(name) for name in next(found, [])]
            while columns and not columns[-1]:
                columns.pop()
            if max(map(len, columns), default=0) > _LONGEST_COLUMN_NAME:
                raise NotCsvError(
                    f"a column's name has more than {_LONGEST_COLUMN_NAME} characters"
                )
            missing = [name for name in needed if name not in columns]
            if missing:
                there = ", ".join(shown(name, most=20) for name in columns[:6])
                raise self.error(
                    f"column {missing[0]!r} is missing: expected a CSV file with "
                    f"{', '.join(needed)} in its first row, which holds {there or 'nothing'}"
                )
            if twice := [name for name in needed if columns.count(name) > 1]:
                raise self.error(f"column {twice[0]!r} is there twice")
            places = [columns.index(name) for name in needed]
            for cells in found:
                while len(cells) > len(columns) and not cells[-1].strip():
                    cells.pop()
                if len(cells) > len(columns):
                    trial = cells[places[0]]
                    raise self.error(
                        f"trial {shown_id(trial)}: more cells than columns: a list has to "
                        'stand in double quotes, "[0.5, 1.25]"'
                    )
                if any(map(str.strip, cells)):
                    cells += [""] * (len(columns) - len(cells))
                    yield [cells[place] for place in places]

    def _numbers(self, text: str, trial: str, column: str, *, whole: bool) -> np.ndarray:
        try:
            return parse_list(text, whole=whole)
        except NotAListError as e:
            raise self.error(f"trial {shown_id(trial)}: {column} {e}") from e


def _plain_id(text: str) -> str:
    """Returns an id; that of a whole number is the same with and without a decimal point."""
    text = text.strip()
    whole, _, fraction = text.partition(".")
    is_whole = whole.removeprefix("-").isdigit() and not fraction.strip("0")
    return whole if is_whole else text


def _plain_name(column: str) -> str:
    return column.strip().lower()


def shown_id(text: str) -> str:
    """Returns an id as a message can show it."""
    return text if text.isprintable() and len(text) <= _LONGEST_SHOWN else shown(text)
