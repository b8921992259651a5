"""The records of a CSV file, one at a time, however long their cells are.

Python's `csv` module refuses cells of more than 131,072 characters, which 8,000 neurons exceed, and
its limit is the whole process's: to lift it here would lift it for other threads too.
"""

from collections.abc import Iterator
from typing import TextIO

#: Characters; a row of 8,000 neurons has some 150,000, and each takes up to 20 bytes when parsed.
LONGEST_RECORD = 8_000_000


class NotCsvError(ValueError):
    """The text is no CSV, or a record of it is too long."""


def records(file: TextIO, separator: str = ",") -> Iterator[list[str]]:
    """Yields the cells of each record, as `csv.reader(file, strict=True, skipinitialspace=True)`.

    Args:
        file: Open for reading, with `newline=""`.
        separator: Of the cells, one character.

    Raises:
        NotCsvError: If a quoted cell does not end, a quoted cell is followed by anything but a
            separator or the end of the line, or a record has more than `LONGEST_RECORD` characters.
    """
    lines = _Lines(file)
    while line := lines.first():
        yield _cells(line, lines, separator)


class _Lines:
    """The lines of a file, so many characters for each record."""

    def __init__(self, file: TextIO):
        self._file = file
        self._left = 0

    def first(self) -> str:
        """Returns the first line of a record, empty at the end of the file."""
        self._left = LONGEST_RECORD
        return self.next()

    def next(self) -> str:
        """Returns the next line of the same record, empty at the end of the file."""
        line = self._file.readline(self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise NotCsvError(f"a row has more than {LONGEST_RECORD} characters")
        return line


def _cells(line: str, lines: _Lines, separator: str) -> list[str]:
    cells: list[str] = []
    at, end = 0, _end_of(line)
    if not end:
        return cells
    while True:
        while line.startswith(" ", at):
            at += 1
        if line.startswith('"', at):
            cell, last_line, at = _quoted(line, at + 1, lines)
            if last_line is not line:
                line, end = last_line, _end_of(last_line)
        else:
            found = line.find(separator, at)
            start, at = at, end if found < 0 else found
            cell = line[start:at]
        cells.append(cell)
        if at == end:
            return cells
        if line[at] != separator:
            raise NotCsvError(f"{separator!r} expected after '\"'")
        at += 1


def _quoted(line: str, at: int, lines: _Lines) -> tuple[str, str, int]:
    """Returns the quoted cell whose text starts at a place, the line it ends in, and where."""
    parts = []
    while True:
        quote = line.find('"', at)
        if quote < 0:
            parts.append(line[at:])
            line, at = lines.next(), 0
            if not line:
                raise NotCsvError("unexpected end of data")
        elif line.startswith('"', quote + 1):
            parts.append(line[at : quote + 1])
            at = quote + 2
        else:
            parts.append(line[at:quote])
            return "".join(parts), line, quote + 1


def _end_of(line: str) -> int:
    """Returns where the line's text ends, before its line break."""
    return len(line) - (len(line[-2:]) - len(line[-2:].rstrip("\r\n")))
