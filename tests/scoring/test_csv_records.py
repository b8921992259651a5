"""Records are those that the csv module reads, and what it refuses is refused."""

import csv
import io

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sensorium_tf.scoring.csv_records import NotCsvError, records


def by_csv_module(text):
    """Returns all records, None in the place of the one that is refused."""
    found, reader = (
        [],
        csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True),
    )
    try:
        found.extend(reader)
    except csv.Error as e:
        found.append(str(e))
    return found


def by_ours(text):
    found = []
    try:
        found.extend(records(io.StringIO(text, newline="")))
    except NotCsvError as e:
        found.append(str(e))
    return found


@given(st.text(alphabet='",\n\r a\0é[', max_size=30))
@settings(max_examples=3000, deadline=None)
@example('a,"b"\n')
@example('a,"b ""c""\r\nd"\r\n\r\n,\r')
@example('a"b,""\n"')
@example('"a"b')
@example('"a"\r"')
@example('1, "[0.5, 1]",  2\n')
def test_records_are_those_of_the_csv_module(text):
    assert by_ours(text) == by_csv_module(text)


@given(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=4), max_size=4))
@settings(deadline=None)
def test_what_the_csv_module_writes_is_read_back(rows):
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    assert by_ours(file.getvalue()) == [[cell.lstrip(" ") for cell in row] for row in rows]


def test_a_file_is_read_a_record_at_a_time():
    file = io.StringIO('a,"b\nc"\nd\n', newline="")
    found = records(file)
    assert next(found) == ["a", "b\nc"] and file.tell() == len('a,"b\nc"\n')
    assert list(found) == [["d"]]


def test_a_quote_that_does_not_end_is_refused():
    with pytest.raises(NotCsvError, match="unexpected end of data"):
        list(records(io.StringIO('a\n"b\n')))
