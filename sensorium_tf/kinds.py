"""Settings hold values of the kinds that they say."""

import dataclasses
import numbers
import reprlib
import sys
import types

from sensorium_tf.errors import SensoriumError

_WORDS = types.MappingProxyType(
    {
        int: "whole number",
        float: "a finite number",
        bool: "true or false",
        str: "text",
        tuple[str, ...]: "a tuple of names",
    }
)


def check_kinds(settings) -> None:
    """Refuses what a damaged file or a slip may hold: 2.5 epochs, a list for a name, NaN.

    NumPy's numbers become plain ones, which can be written down, and a list of names a tuple.

    Args:
      settings: frozen dataclass. Fields of other types than the plain ones and dataclasses are
        left alone, None stands where the type says so.

    Raises:
      SensoriumError: if a value is of another kind.
    """
    for field in dataclasses.fields(settings):
        kind, given = field.type, getattr(settings, field.name)
        if isinstance(kind, types.UnionType):
            if given is None:
                continue
            kind = next(each for each in kind.__args__ if each is not type(None))
        if dataclasses.is_dataclass(kind):
            value, words, fits = given, kind.__name__, isinstance(given, kind)
        elif kind in _WORDS:
            value = _plain(given)
            words, fits = _WORDS[kind], _is_of_kind(value, kind)
        else:
            continue
        if not fits:
            raise SensoriumError(f"{field.name} {reprlib.repr(given)}: expected {words}")
        object.__setattr__(settings, field.name, value)


def _plain(value):
    """Returns NumPy's numbers as Python's, and lists as tuples."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    return value


def _is_of_kind(value, kind) -> bool:
    if kind is float:
        # Whole numbers of any size can be compared, but not all made a float.
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    if kind == tuple[str, ...]:
        return type(value) is tuple and all(type(each) is str for each in value)
    return type(value) is kind
