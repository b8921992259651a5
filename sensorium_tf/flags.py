"""Command-line flags that follow from settings: written once, in a `Config`."""

import dataclasses
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from absl import flags

from sensorium_tf.config import Config, choices_of, flat_fields, plain_kind

# They are those of the module that calls `define_flags`.
flags.disclaim_key_flags()

_ESSENTIAL, _OTHER = "essentials", "other"
_WIDTH = 88


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where `--help` shows a flag, and what it says of its default."""

    title: str
    default: str | None = None


# Of each flag that is shown among others than the last ones.
_places: dict[str, _Place] = {}


class WholeNumbers(flags.ListParser):
    """Parses whole numbers of 0 or more, joined by commas."""

    def parse(self, argument: str | list) -> list[int]:
        """Returns the numbers; raises ValueError for anything else."""
        texts = [str(text).strip() for text in super().parse(argument)]
        if not all(text.isascii() and text.isdigit() for text in texts):
            raise ValueError("expected whole numbers such as 0,1,2")
        return [int(text) for text in texts]


class _Switched(flags.ArgumentParser):
    """Parses text that can be switched off: `--shifter=mlp`, `--noshifter`, `--shifter`."""

    def __init__(self, off: str):
        self._words = {"false": off, "true": None}

    def parse(self, argument: str) -> str | None:
        """Returns the text; None for what is not given, as for `--shifter` alone."""
        return self._words.get(argument, argument)

    def flag_type(self) -> str:
        """Returns what the flag is called in a help text."""
        return "string"


@dataclasses.dataclass(frozen=True)
class SettingsFlags:
    """The flags of a `Config`.

    Attributes:
        names: Of the flags, which are those of the settings.
        flag_values: Where they are defined.
    """

    names: tuple[str, ...]
    flag_values: flags.FlagValues

    def values(self) -> dict[str, Any]:
        """Returns each setting's value, as `Config`s take them: side by side."""
        return {name: self.flag_values[name].value for name in self.names}

    def present(self, name: str) -> bool:
        """Tells whether the user gave a flag."""
        return bool(self.flag_values[name].present)


def define_flags(
    cls: type[Config],
    *,
    defaults: Mapping[str, str] | None = None,
    flag_values: flags.FlagValues = flags.FLAGS,
) -> SettingsFlags:
    """Defines a flag for each setting of a `Config` and of the `Config`s in it.

    Args:
        cls: The `Config`.
        defaults: Name of a setting to what stands for its default in `--help`, if that is None.
        flag_values: Where to define them.
    """
    fields = flat_fields(cls)
    for name, (owner, field) in fields.items():
        _define(name, field, flag_values)
        title = _ESSENTIAL if field.metadata["essential"] else owner.title
        _places[name] = _Place(title, (defaults or {}).get(name))
    return SettingsFlags(tuple(fields), flag_values)


def show(holder: flags.FlagHolder, *, title: str = _ESSENTIAL) -> flags.FlagHolder:
    """Lets `--help` show a flag under a title; by default among the first.

    Args:
        holder: What defining the flag returned.
        title: Of a group of flags.

    Returns:
        The same holder.
    """
    _places[holder.name] = _Place(title)
    return holder


def define_whole_numbers(name: str, default: list[int] | None, doc: str) -> flags.FlagHolder:
    """Defines a flag such as `--seeds=0,1,2`."""
    serializer = flags.CsvListSerializer(",")
    return flags.DEFINE(WholeNumbers(), name, default, doc, serializer=serializer)


def help_text(key_flags: Iterable[flags.Flag]) -> str:
    """Returns what `--help` says of flags: essentials first, then group by group.

    Args:
        key_flags: Those of a launcher, in the order in which they are shown within a group.
    """
    titles = [place.title for place in _places.values()]
    groups: dict[str, list[flags.Flag]] = {title: [] for title in (_ESSENTIAL, *titles, _OTHER)}
    for flag in key_flags:
        place = _places.get(flag.name)
        groups[_OTHER if place is None else place.title].append(flag)
    groups[_OTHER] = groups.pop(_OTHER)
    if not any(each for title, each in groups.items() if title not in (_ESSENTIAL, _OTHER)):
        groups = {"flags": [*groups[_OTHER], *groups[_ESSENTIAL]]}
    return "\n\n".join(
        "\n".join([f"{title}:", *map(_describe, each)]) for title, each in groups.items() if each
    )


def _describe(flag: flags.Flag) -> str:
    """Returns the lines of one flag."""
    name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
    choices = getattr(flag.parser, "enum_values", ())
    values = f"=<{'|'.join(choices)}>" if choices else ""
    place = _places.get(flag.name)
    default = place.default if place is not None and place.default else _as_text(flag.default)
    said = flag.help.removeprefix(f"<{'|'.join(choices)}>: ") if choices else flag.help
    said = said if default is None else f"{said} (default: {default})"
    indent = " " * 6
    text = textwrap.fill(said, _WIDTH, initial_indent=indent, subsequent_indent=indent)
    return f"  {name}{values}\n{text}"


def _as_text(default: Any) -> str | None:
    if default is None or default == []:
        return None
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(map(str, default)) if isinstance(default, list) else str(default)


def _define(name: str, field: dataclasses.Field, flag_values: flags.FlagValues) -> None:
    kind, doc, default = plain_kind(field), field.metadata["doc"], field.default
    choices = field.metadata["choices"]
    where = {"flag_values": flag_values}
    if kind is bool:
        flags.DEFINE_bool(name, default, doc, **where)
    elif kind is int:
        flags.DEFINE_integer(name, default, doc, **where)
    elif kind is float:
        flags.DEFINE_float(name, default, doc, **where)
    elif kind == tuple[str, ...]:
        flags.DEFINE_list(name, list(default or ()), doc, **where)
    elif kind == tuple[int, ...]:
        flags.DEFINE(
            WholeNumbers(),
            name,
            list(default or ()),
            doc,
            serializer=flags.CsvListSerializer(","),
            **where,
        )
    elif (off := field.metadata["off"]) is not None:
        serializer = flags.ArgumentSerializer()
        flag = flags.Flag(_Switched(off), serializer, name, default, doc, boolean=True)
        flags.DEFINE_flag(flag, **where)
    # Choices that are found at run time may yet grow, when modules are imported.
    elif choices and not callable(choices):
        flags.DEFINE_enum(name, default, list(choices_of(field)), doc, **where)
    else:
        found = f" One of {', '.join(choices_of(field))}." if choices else ""
        flags.DEFINE_string(name, default, f"{doc}{found}", **where)
