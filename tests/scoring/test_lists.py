"""Lists of numbers in cells, as different programs write them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensorium_tf.scoring.lists import NotAListError, parse_list

VALUES = np.array([0.5, 1.0, 12.25, 3e-7], np.float32)


@pytest.mark.parametrize(
    "text",
    [
        "[0.5, 1.0, 12.25, 3e-07]",
        "(0.5, 1.0, 12.25, 3e-07)",
        "[.5, 1., +12.25, 3E-7]",
        "[0.5 1. 12.25 3e-07]",
        "[ 0.5  1.\n 12.25 3.0e-07 ]",
        "[np.float32(0.5), np.float64(1.0), numpy.float64(12.25), np.float32(3e-07)]",
        "array([0.5, 1., 12.25, 3e-07], dtype=float32)",
        "np.array([0.5, 1., 12.25, 3e-07])",
    ],
)
def test_a_list_is_read_whatever_wrote_it(text):
    found = parse_list(text)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, VALUES)


@pytest.mark.parametrize(
    "text", ["[7, 14]", "(7, 14)", "[7.0, 14.0]", "[7 14]", "[np.int64(7), np.int64(14)]"]
)
def test_whole_numbers_may_have_a_decimal_point(text):
    found = parse_list(text, whole=True)
    assert found.dtype == np.int64 and found.tolist() == [7, 14]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[0.5 1.2 ... 3.]", "NumPy has left some out"),
        ("[0.5, 1.2, 3.", "and does not end as one)"),
        ("[" + "0.25, " * 5461 + "0", "a spreadsheet keeps 32,767 characters of a cell"),
        ("[1,,2]", "is not a list of numbers"),
        ("[1, np.float32(2), ]", "is not a list of numbers"),
        ("[" + "1" * 100_000 + "x]", "is not a list of numbers"),
        ("", "it is empty"),
        ("hello", "it begins 'hello'"),
        ("__import__('os').system('true')", "is not a list of numbers"),
        ("[__import__('os'), 1]", "is not a list of numbers"),
        ("[1, nan]", "holds nan, expected finite numbers"),
        ("[1, NaN]", "holds NaN, expected finite numbers"),
        ("[np.float32(nan)]", "holds nan, expected finite numbers"),
        ("[1e39]", "holds a number too large"),
        ("[0.5, True]", "is not a list of numbers"),
    ],
)
def test_what_is_no_list_is_told(text, says):
    with pytest.raises(NotAListError) as refused:
        parse_list(text)
    assert says in str(refused.value) and len(str(refused.value)) < 200


@pytest.mark.parametrize("text", ["[7.5]", "[1e300]", "[1, 2.5]", "[9007199254740993.0]"])
def test_numbers_that_are_not_whole_are_no_ids(text):
    with pytest.raises(NotAListError, match="whole numbers|too large"):
        parse_list(text, whole=True)


@given(st.text(alphabet="[](),.0123456789eE+-npfloat \n", max_size=60) | st.text(max_size=40))
def test_any_text_is_a_list_or_is_refused_in_a_line(text):
    for whole in (False, True):
        try:
            found = parse_list(text, whole=whole)
        except NotAListError as e:
            assert len(str(e)) < 300 and str(e).isprintable()
        else:
            assert found.ndim == 1 and np.isfinite(found).all()


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_numpy_s_own_text_gives_the_same_numbers(values):
    array = np.array(values, np.float32)
    with np.printoptions(threshold=10**6, floatmode="unique"):
        np.testing.assert_array_equal(parse_list(str(array)), array)
        np.testing.assert_array_equal(parse_list(repr(array)), array)
    np.testing.assert_array_equal(parse_list(str(list(array))), array)
