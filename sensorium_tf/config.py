"""Settings as typed dataclasses, written once: checks, JSON and flags follow from them."""

import dataclasses
import numbers
import reprlib
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

from sensorium_tf.errors import SensoriumError

_WORDS = types.MappingProxyType(
    {
        int: "a whole number",
        float: "a finite number",
        bool: "true or false",
        str: "text",
        tuple[str, ...]: "a list of names",
        tuple[int, ...]: "a list of whole numbers",
        dict: "values by name",
    }
)


def setting(
    default: Any,
    doc: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    choices: Sequence[str] | Callable[[], Sequence[str]] = (),
    essential: bool = False,
    off: str | None = None,
) -> Any:
    """Returns a field of a `Config`.

    Args:
        default: Its value where nobody gives one; `dataclasses.MISSING` if somebody has to.
        doc: What it is, in a sentence that the documentation and `--help` show.
        at_least: Smallest value.
        above: What the value must exceed.
        at_most: Largest value.
        below: What the value must stay under.
        choices: The values that text can have; a function where they are found at run time.
        essential: Whether `--help` lists it among the first flags.
        off: The text that `--no<name>` stands for on the command line; None where it cannot be
            switched off there.
    """
    bounds = {"at_least": at_least, "above": above, "at_most": at_most, "below": below}
    metadata = {
        "doc": doc,
        "bounds": bounds,
        "choices": choices,
        "essential": essential,
        "off": off,
    }
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Base of all settings: frozen, checked when made, and the same in Python, JSON and flags.

    A subclass is a frozen, keyword-only dataclass of `setting`s, and perhaps of other `Config`s.
    Its documentation lists the settings; nobody writes that list. NumPy's numbers become plain
    ones, lists and arrays tuples. Its class attribute `title` is the heading of its flags in
    `--help`.

    Raises:
        SensoriumError: If a value is of another kind or out of its range.
    """

    title = "other"

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        settings = {
            name: value.metadata["doc"]
            for name in cls.__annotations__
            if isinstance(value := cls.__dict__.get(name), dataclasses.Field)
            and "doc" in value.metadata
        }
        if settings and cls.__doc__:
            listed = "".join(f"\n        {name}: {doc}" for name, doc in settings.items())
            cls.__doc__ = f"{cls.__doc__.rstrip()}\n\n    Attributes:{listed}\n    "

    def __post_init__(self):
        for field in dataclasses.fields(self):
            kind = plain_kind(field)
            given = getattr(self, field.name)
            if given is None and is_optional(field):
                continue
            value = _as_plain(given, kind)
            words = kind.__name__ if dataclasses.is_dataclass(kind) else _WORDS[kind]
            if not _is_of_kind(value, kind):
                raise SensoriumError(f"{field.name} {reprlib.repr(given)}: expected {words}")
            _check_range(field, value)
            object.__setattr__(self, field.name, value)

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as JSON values."""
        return {
            field.name: _to_json(getattr(self, field.name)) for field in dataclasses.fields(self)
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Returns the settings that `to_json` described.

        Raises:
            SensoriumError: If a setting is missing, unknown or not possible.
        """
        if not isinstance(values, Mapping):
            raise SensoriumError(f"{reprlib.repr(values)}: expected settings by name")
        fields = {field.name: field for field in dataclasses.fields(cls)}
        for name in values:
            if name not in fields:
                raise SensoriumError(f"{reprlib.repr(name)}: no such setting")
        for name in fields:
            if name not in values:
                raise SensoriumError(f"{name}: is missing from the settings")
        return cls(
            **{
                name: plain_kind(fields[name]).from_json(value)
                if dataclasses.is_dataclass(plain_kind(fields[name])) and value is not None
                else value
                for name, value in values.items()
            }
        )


def plain_kind(field: dataclasses.Field) -> Any:
    """Returns the kind of a setting's values, None left out."""
    if isinstance(field.type, types.UnionType):
        return next(each for each in typing.get_args(field.type) if each is not types.NoneType)
    return field.type


def is_optional(field: dataclasses.Field) -> bool:
    """Tells whether a setting may be None."""
    return types.NoneType in typing.get_args(field.type)


def choices_of(field: dataclasses.Field) -> tuple[str, ...]:
    """Returns the values that a setting of text can have; empty for any."""
    choices = field.metadata.get("choices", ())
    return tuple(choices() if callable(choices) else choices)


def flat_fields(cls: type[Config]) -> dict[str, tuple[type[Config], dataclasses.Field]]:
    """Returns every setting of a `Config` and of the `Config`s in it, by name, with its class."""
    found = {}
    for field in dataclasses.fields(cls):
        kind = plain_kind(field)
        inner = flat_fields(kind) if dataclasses.is_dataclass(kind) else {field.name: (cls, field)}
        found |= inner
    return found


def from_flat(cls: type[Config], values: Mapping[str, Any]) -> Any:
    """Returns settings from values side by side, as people type them.

    Args:
        cls: The `Config` to make; values of the `Config`s in it are given by their own names.
        values: Name of each setting to its value; what is left out keeps its default.

    Raises:
        SensoriumError: If a value is not possible. The names must be known already.
    """
    given = {}
    for field in dataclasses.fields(cls):
        kind = plain_kind(field)
        if dataclasses.is_dataclass(kind):
            given[field.name] = from_flat(kind, values)
        elif field.name in values:
            given[field.name] = values[field.name]
    return cls(**given)


def with_defaults(config: Config, values: Mapping[str, Any]) -> Any:
    """Returns settings in which values stand for what is None, in the `Config`s in it as well.

    Args:
        config: The settings.
        values: Name of each setting to its value where the settings hold None.

    Raises:
        SensoriumError: If a value is not possible.
    """
    changed = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, Config):
            changed[field.name] = with_defaults(value, values)
        elif value is None and field.name in values:
            changed[field.name] = values[field.name]
    return dataclasses.replace(config, **changed)


def check_names(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """Raises SensoriumError if a name is not known, with the one that it may be meant for.

    Args:
        given: Names that somebody wrote.
        known: Those that there are.
        what: What they are names of, such as `setting`.
    """
    known = list(known)
    for name in given:
        if name not in known:
            raise SensoriumError(f"{name}: no such {what}: {hint(name, known)}")


def hint(given: object, known: Iterable[str], otherwise: str | None = None) -> str:
    """Returns what a message says of a name that is not known: `did you mean fast?`.

    Args:
        given: The name that somebody wrote.
        known: Those that there are.
        otherwise: What to say if none of them is close; the names if left out.
    """
    # Nothing but a mistake needs it.
    import difflib

    known = list(known)
    if close := difflib.get_close_matches(str(given), known, 1):
        return f"did you mean {close[0]}?"
    if otherwise is not None:
        return otherwise
    if len(known) > 2:
        return f"expected one of {', '.join(known)}"
    return f"expected {' or '.join(known)}" if known else "there are none"


def _check_range(field: dataclasses.Field, value: Any) -> None:
    if (choices := choices_of(field)) and value not in choices:
        raise SensoriumError(f"{field.name} {value!r}: {hint(value, choices)}")
    bounds = field.metadata.get("bounds", {})
    for bound, fits, words in (
        (bounds.get("at_least"), lambda v, b: v >= b, "at least"),
        (bounds.get("above"), lambda v, b: v > b, "more than"),
        (bounds.get("at_most"), lambda v, b: v <= b, "at most"),
        (bounds.get("below"), lambda v, b: v < b, "less than"),
    ):
        if bound is not None and not fits(value, bound):
            raise SensoriumError(f"{field.name} {value}: expected {words} {bound:g}")


def _to_json(value: Any) -> Any:
    if isinstance(value, Config):
        return value.to_json()
    return list(value) if isinstance(value, tuple) else value


def _as_plain(value: Any, kind: Any) -> Any:
    """Returns what NumPy has as Python's, lists and names joined by commas as tuples."""
    if kind == tuple[str, ...] and isinstance(value, str):
        return tuple(name.strip() for name in value.split(","))
    if callable(tolist := getattr(value, "tolist", None)):
        value = tolist()
    if isinstance(value, list | tuple):
        return tuple(_as_plain(each, None) for each in value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    return value


def _is_of_kind(value: Any, kind: Any) -> bool:
    if dataclasses.is_dataclass(kind):
        return isinstance(value, kind)
    if kind is float:
        # Whole numbers of any size can be compared, but not all made a float.
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    if kind in (tuple[str, ...], tuple[int, ...]):
        inner = typing.get_args(kind)[0]
        return type(value) is tuple and all(type(each) is inner for each in value)
    return type(value) is kind
