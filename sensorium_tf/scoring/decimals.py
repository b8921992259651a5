"""Lists of plain decimal numbers in text, many numbers at once.

A whole number below 2**53 and a power of ten up to 10**22 are floats exactly, so that their product
or quotient is the float nearest to the decimal number (Clinger 1990, "How to read floating point
numbers accurately"): what Python's `float` gives, to the last bit.
"""

import numpy as np

_MOST_DIGITS = 15  # always below 2**53
_POWERS = np.array([float(10**power) for power in range(23)])
_COMMAS = bytes.maketrans(b"e", b",")
# Of longer pieces each array would be memory that the system hands out anew.
_CHARACTERS_AT_ONCE = 1 << 16


def parse_decimals(text: str) -> np.ndarray | None:
    """Returns the numbers of a list such as `[0.5, -1.25, 3, 1.5e-05]`.

    Args:
        text: The list; its numbers have up to 15 digits, as those that `write_submission` writes.

    Returns:
        `(numbers,)` float64; None for whatever is not such a list, which may still be another kind.
    """
    if not text.isascii() or text[:1] + text[-1:] != "[]":
        return None
    parts: list[np.ndarray] = []
    at, end, stop = 1, len(text) - 1, 0
    while stop < end:
        stop = end
        if end - at > _CHARACTERS_AT_ONCE:
            stop = text.rfind(",", at, at + _CHARACTERS_AT_ONCE)
        part = _numbers(text[at:stop].encode()) if stop >= at else None
        if part is None:
            return None
        parts.append(part)
        at = stop + 1
    return np.concatenate(parts) if parts else None


def _numbers(text: bytes) -> np.ndarray | None:
    """Returns the numbers between commas; None if they are not plain ones."""
    if b"+" in text:
        if b"+-" in text:
            return None
        text = text.replace(b"e+", b"e")
    characters = np.frombuffer(text, np.uint8)
    places = np.flatnonzero(characters - np.uint8(ord("0")) > 9)
    kinds = characters[places]
    is_comma, is_dot = kinds == ord(","), kinds == ord(".")
    # An exponent counts as a number of its own, behind the one that it belongs to.
    separates = is_comma | (kinds == ord("e"))
    between, dots = places[separates], places[is_dot]
    starts, ends = np.append(0, between + 1), np.append(between, len(text))
    if starts[-1] == len(text):
        return None
    has_space = characters[starts] == ord(" ")
    starts += has_space
    if (starts == ends).any():
        return None
    is_negative = characters[starts] == ord("-")
    with_dot = np.searchsorted(between, dots)
    n_decimals = np.zeros(len(starts), np.int64)
    n_decimals[with_dot] = ends[with_dot] - dots - 1
    n_digits = ends - starts - is_negative
    n_digits[with_dot] -= 1
    n_known = sum(map(np.count_nonzero, (separates, is_dot, has_space, is_negative)))
    if (
        n_known < len(places)
        or (np.diff(with_dot) == 0).any()
        or n_digits.min() < 1
        or n_digits.max() > _MOST_DIGITS
    ):
        return None
    whole = np.fromstring(text.translate(_COMMAS, b"."), np.int64, sep=",")
    # As whole numbers, 0 and -0 are the same.
    if (is_negative & (whole == 0)).any():
        return None
    if is_comma.sum() == len(between):
        return _scaled(whole, n_decimals)
    is_exponent = np.append(False, ~is_comma[separates])
    behind = np.flatnonzero(is_exponent)
    if (is_exponent[behind - 1] | has_space[behind]).any() or is_exponent[with_dot].any():
        return None
    n_decimals[behind - 1] -= whole[behind]
    return _scaled(whole[~is_exponent], n_decimals[~is_exponent])


def _scaled(whole: np.ndarray, n_decimals: np.ndarray) -> np.ndarray | None:
    """Returns whole numbers with so many decimals; a negative number of those are zeros."""
    if np.abs(n_decimals).max() >= len(_POWERS):
        return None
    if n_decimals.min() >= 0:
        return whole / _POWERS[n_decimals]
    factor = _POWERS[np.abs(n_decimals)]
    return np.where(n_decimals > 0, whole / factor, whole * factor)
