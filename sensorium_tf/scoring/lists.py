"""Lists of numbers as text in a cell: parsed as data, whatever program wrote them."""

import json
import re

import numpy as np

from sensorium_tf.scoring.decimals import parse_decimals

# What NumPy writes around a number since version 2, and around an array.
_SCALAR = re.compile(r"\b(?:np|numpy)\.\w{1,12}\(([^()]{0,40})\)")
_ARRAY = re.compile(r"^(?:np\.|numpy\.)?array\((.*?)(?:,\s*dtype=\w+)?\)$", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_LONGEST_NUMBER = 400
_EMPTY = re.compile(r",\s*(?:,|$)")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
# A spreadsheet keeps no more of a cell.
_SPREADSHEET_CELL = 32_767


class NotAListError(ValueError):
    """The text is no list of numbers of the kind; its own text says why."""


def parse_list(text: str, *, whole: bool = False) -> np.ndarray:
    """Returns the numbers in the text of a list.

    That is JSON or Python's own text of lists and tuples of plain numbers or NumPy's, or NumPy's
    text of an array, `[0.5 1. .25]`. Nothing is evaluated.

    Args:
        text: Of the cell.
        whole: Whether they have to be whole numbers, `7.0` among them.

    Returns:
        `(numbers,)`, int64 if whole, else float32.

    Raises:
        NotAListError: If it is no such list, or holds a number that is not finite or too large.
    """
    values = None if whole else parse_decimals(text)
    if values is None:
        values = _parse_any(text, whole)
    try:
        with np.errstate(over="ignore"):
            if whole and {*map(type, values)} != {int}:
                floats = np.array(values, np.float64)
                if (floats % 1 != 0).any() or (np.abs(floats) >= 2**53).any():
                    raise NotAListError(_what_it_is(text, whole))
                return floats.astype(np.int64)
            numbers = np.array(values, np.int64 if whole else np.float32)
    except OverflowError as e:
        raise NotAListError("holds a number too large") from e
    if not np.isfinite(numbers).all():
        raise NotAListError("holds a number too large")
    return numbers


def _parse_any(text: str, whole: bool) -> list[int | float]:
    """Returns the numbers of a list of any kind."""
    try:
        values = json.loads(text, parse_constant=_refuse_constant)
        if not isinstance(values, list) or not {*map(type, values)} <= {int, float}:
            raise NotAListError(_what_it_is(text, whole))
        return values
    except NotAListError:
        raise
    except (ValueError, RecursionError):
        return _tolerant(text, whole)


def _tolerant(text: str, whole: bool) -> list[int | float]:
    """Returns the numbers of a list that is no JSON."""
    plain = text.strip()
    if (array := _ARRAY.match(plain)) is not None:
        plain = array[1].strip()
    plain = _SCALAR.sub(r"\1", plain)
    if plain[:1] + plain[-1:] not in ("[]", "()"):
        raise NotAListError(_what_it_is(text, whole))
    inside = plain[1:-1]
    if _EMPTY.search(inside.removesuffix(",") if plain[0] == "(" else inside):
        raise NotAListError(_what_it_is(text, whole))
    tokens = inside.replace(",", " ").split()
    values = []
    for token in tokens:
        if len(token) > _LONGEST_NUMBER or _NUMBER.fullmatch(token) is None:
            if _NOT_FINITE.fullmatch(token):
                raise NotAListError(f"holds {token}, expected finite numbers")
            raise NotAListError(_what_it_is(text, whole))
        values.append(int(token) if token.isdigit() and len(token) < 20 else float(token))
    return values


def _what_it_is(text: str, whole: bool) -> str:
    """Returns what to say of text that is no list."""
    start = text.strip()[:20]
    found = f"it begins {start!r}" if start else "it is empty"
    why = ""
    if "..." in text:
        why = ", and NumPy has left some out (...): write lists, as .tolist() gives them"
    elif start[:1] in ("[", "(") and text.strip()[-1:] not in ("]", ")"):
        why = ", and does not end as one"
        if len(text) >= _SPREADSHEET_CELL:
            why += f": a spreadsheet keeps {_SPREADSHEET_CELL:,} characters of a cell"
    kind = "whole numbers, such as [1, 2]" if whole else "numbers, such as [0.5, 1.25]"
    return f"is not a list of {kind} ({found}{why})"


def _refuse_constant(name: str) -> None:
    raise NotAListError(f"holds {name}, expected finite numbers")
