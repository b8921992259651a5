"""Plain decimal numbers are read as Python reads them, or left to what reads all others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium_tf.scoring import decimals
from sensorium_tf.scoring.decimals import parse_decimals
from sensorium_tf.scoring.lists import NotAListError, parse_list


def in_turn(text):
    """Returns a list's numbers as Python reads each of them; None if it is no list of numbers."""
    try:
        return np.array([float(each) for each in text[1:-1].split(",")])
    except ValueError:
        return None


def bits(numbers):
    return None if numbers is None else numbers.tobytes()


float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
written = st.one_of(
    st.builds("{:.9g}".format, float32),
    st.builds(str, st.integers(-(10**15), 10**15)),
    st.from_regex(r"-?[0-9]{0,9}\.?[0-9]{0,9}(e[+-]?[0-9]{1,2})?", fullmatch=True),
)


@given(numbers=st.lists(written, max_size=12), separator=st.sampled_from([", ", ","]))
def test_numbers_are_those_that_python_reads(numbers, separator):
    text = f"[{separator.join(numbers)}]"
    found = parse_decimals(text)
    assert found is None or bits(found) == bits(in_turn(text))


@given(text=st.text("0123456789.,-+e []", max_size=30))
def test_what_is_read_is_a_list_and_nothing_else(text):
    found = parse_decimals(f"[{text}]")
    assert found is None or bits(found) == bits(in_turn(f"[{text}]"))
    if found is not None:
        assert parse_list(f"[{text}]").tobytes() == found.astype(np.float32).tobytes()
    else:
        try:
            parse_list(f"[{text}]")
        except NotAListError as e:
            assert "\n" not in str(e)


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "[,]", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1-2]", "[1.2.3]", "[.]", "[-]"),
        *("[1,-]", "[e5]", "[1e]", "[1e5e5]", "[1e5.5]", "[1e 5]", "[1,  2]", "[1 , 2]", "[1\n,2]"),
        *("(1, 2)", "[1, ]", "[ ]", "[--1]", "[+1]", "[1]x", "[\u0661]", "1, 2", "[[1]]", "", "["),
        *("[-0.0, 1]", "[1234567890123456]", "[1e23]", "[1e-30]", "[1e999999999999]", "[nan]"),
        *("[1_000]", "[0x10]", "[1e+-5]", "[1e++5]"),
    ],
)
def test_whatever_else_is_left_alone(text):
    assert parse_decimals(text) is None


def test_rows_as_they_are_written_are_read_at_once(rng):
    values = (rng.gamma(0.3, 1, 20_000) * rng.choice([-1, 1], 20_000)).astype(np.float32)
    values[:3] = 3, 1e20, 1e-7
    text = f"[{', '.join(['%.9g'] * len(values))}]" % tuple(values.tolist())
    assert len(text) > 3 * decimals._CHARACTERS_AT_ONCE and "e-0" in text and "e+" in text
    found = parse_decimals(text)
    assert found.astype(np.float32).tobytes() == values.tobytes()
    assert bits(found) == bits(in_turn(text))
    for damaged in (text[:-1] + ",]", text.replace(", ", ",,", 1), f"[{'1' * 200_000}]"):
        assert parse_decimals(damaged) is None
