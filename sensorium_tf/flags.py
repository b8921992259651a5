"""Command-line flags that follow from settings: written once, in a `Config`."""

import dataclasses
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from absl import flags

from sensorium_tf.config import Config, check_names, choices_of, flat_fields, hint, plain_kind

# They are those of the module that calls `define_flags`.
flags.disclaim_key_flags()

_ESSENTIAL, _OTHER = "essentials", "other"
_WIDTH = 88


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where `--help` shows a flag, and what it says of its default: the flag's own `place`."""

    title: str
    default: str | None = None


class WholeNumbers(flags.ListParser):
    """Parses whole numbers of 0 or more, joined by commas."""

    def parse(self, argument: str | list) -> list[int]:
        """Returns the numbers; raises ValueError for anything else."""
        texts = [str(text).strip() for text in super().parse(argument)]
        if not all(text.isascii() and text.isdigit() for text in texts):
            raise ValueError("expected whole numbers such as 0,1,2")
        return [int(text) for text in texts]


class _Choice(flags.EnumParser):
    """Parses one of some words."""

    def parse(self, argument: str) -> str:
        """Returns the word; raises ValueError, with the closest one, for anything else."""
        if argument not in self.enum_values:
            raise ValueError(hint(argument, self.enum_values))
        return argument


class _Switched(flags.ArgumentParser):
    """Parses text that can be switched off: `--shifter=mlp`, `--noshifter`, `--shifter=None`."""

    def __init__(self, off: str):
        self._words = {"false": off, "true": None, "None": off}

    def parse(self, argument: str) -> str | None:
        """Returns the text; None for what is not given, as for `--shifter` alone."""
        return self._words.get(argument, argument)

    def flag_type(self) -> str:
        """Returns what the flag is called in a help text."""
        return "string"


@dataclasses.dataclass(frozen=True)
class SettingsFlags:
    """The flags of a `Config`, each under the name of its setting.

    Attributes:
        holders: Name of each flag to what absl gives for it, with `name`, `value` and `present`.
    """

    holders: Mapping[str, flags.FlagHolder]

    def __getitem__(self, name: str) -> flags.FlagHolder:
        return self.holders[name]

    def values(self) -> dict[str, Any]:
        """Returns each setting's value, as `Config`s take them: side by side."""
        return {name: holder.value for name, holder in self.holders.items()}


def define_flags(
    cls: type[Config],
    only: Sequence[str] | None = None,
    *,
    required: Sequence[str] = (),
    defaults: Mapping[str, Any] | None = None,
    default_texts: Mapping[str, str] | None = None,
    flag_values: flags.FlagValues = flags.FLAGS,
) -> SettingsFlags:
    """Defines a flag for each setting of a `Config` and of the `Config`s in it.

    Args:
        cls: The `Config`.
        only: Settings to define flags for, in this order; all of them if left out.
        required: Those that have to be given.
        defaults: Name of a setting to its default here, if that is another.
        default_texts: Name of a setting to what stands for its default in `--help`, if that is
            None.
        flag_values: Where to define them.
    """
    fields, defaults, texts = flat_fields(cls), defaults or {}, default_texts or {}
    only = tuple(fields) if only is None else only
    check_names([*required, *defaults], only, "flag")
    holders = {}
    for name in only:
        owner, field = fields[name]
        default = defaults.get(name, field.default)
        holders[name] = _define(name, field, default, flag_values)
        essential = field.metadata["essential"] or name in required
        title = _ESSENTIAL if essential else owner.title
        flag_values[name].place = _Place(title, texts.get(name))
    flags.mark_flags_as_required(required, flag_values)
    return SettingsFlags(holders)


def show(
    holder: flags.FlagHolder,
    *,
    title: str = _ESSENTIAL,
    flag_values: flags.FlagValues = flags.FLAGS,
) -> flags.FlagHolder:
    """Lets `--help` show a flag under a title; by default among the first.

    Args:
        holder: What defining the flag returned.
        title: Of a group of flags.
        flag_values: Where it is defined.

    Returns:
        The same holder.
    """
    flag_values[holder.name].place = _Place(title)
    return holder


def define_whole_numbers(
    name: str, default: list[int] | None, doc: str, **where: Any
) -> flags.FlagHolder:
    """Defines a flag such as `--seeds=0,1,2`."""
    serializer = flags.CsvListSerializer(",")
    return flags.DEFINE(WholeNumbers(), name, default, doc, serializer=serializer, **where)


def define_choice(
    name: str, default: str | None, choices: Sequence[str], doc: str, **where: Any
) -> flags.FlagHolder:
    """Defines a flag such as `--strategy=auto`, one of some words."""
    serializer = flags.ArgumentSerializer()
    return flags.DEFINE(_Choice(choices), name, default, doc, serializer=serializer, **where)


def help_text(key_flags: Iterable[flags.Flag]) -> str:
    """Returns what `--help` says of flags: essentials first, then group by group.

    Args:
        key_flags: Those of a launcher, in the order in which they are shown within a group.
    """
    groups: dict[str, list[flags.Flag]] = {_ESSENTIAL: []}
    for flag in key_flags:
        groups.setdefault(_place(flag).title, []).append(flag)
    groups[_OTHER] = groups.pop(_OTHER, [])
    return "\n\n".join(
        "\n".join([f"{title}:", *map(_describe, each)]) for title, each in groups.items() if each
    )


def _place(flag: flags.Flag) -> _Place:
    return getattr(flag, "place", _Place(_OTHER))


def _describe(flag: flags.Flag) -> str:
    """Returns the lines of one flag."""
    name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
    choices = getattr(flag.parser, "enum_values", ())
    values = f"=<{'|'.join(choices)}>" if choices else ""
    default = _place(flag).default or _as_text(flag.default)
    said = flag.help if default is None else f"{flag.help} (default: {default})"
    indent = " " * 6
    text = textwrap.fill(said, _WIDTH, initial_indent=indent, subsequent_indent=indent)
    return f"  {name}{values}\n{text}"


def _as_text(default: Any) -> str | None:
    if default is None or default == []:
        return None
    if isinstance(default, bool):
        return str(default).lower()
    return ",".join(map(str, default)) if isinstance(default, list) else str(default)


def _define(
    name: str, field: dataclasses.Field, default: Any, flag_values: flags.FlagValues
) -> flags.FlagHolder:
    kind, doc, choices = plain_kind(field), field.metadata["doc"], field.metadata["choices"]
    where = {"flag_values": flag_values}
    if kind is bool:
        return flags.DEFINE_bool(name, default, doc, **where)
    if kind is int:
        return flags.DEFINE_integer(name, default, doc, **where)
    if kind is float:
        return flags.DEFINE_float(name, default, doc, **where)
    if kind == tuple[str, ...]:
        return flags.DEFINE_list(name, default and list(default), doc, **where)
    if kind == tuple[int, ...]:
        return define_whole_numbers(name, default and list(default), doc, **where)
    if (off := field.metadata["off"]) is not None:
        serializer = flags.ArgumentSerializer()
        flag = flags.Flag(_Switched(off), serializer, name, default, doc, boolean=True)
        return flags.DEFINE_flag(flag, **where)
    # Choices that are found at run time may yet grow, when modules are imported.
    if choices and not callable(choices):
        return define_choice(name, default, choices_of(field), doc, **where)
    found = f" One of {', '.join(choices_of(field))}." if choices else ""
    return flags.DEFINE_string(name, default, f"{doc}{found}", **where)
