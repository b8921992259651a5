"""Where the files of a recording are, in a zip or in a folder, whatever made it."""

import os
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sensorium_tf.errors import SensoriumError, shown
from sensorium_tf.reading import cannot_read, parse_json

TIERS, CONFIG = "meta/trials/tiers.npy", "config.json"
# A recording may lie so many folders deep in its archive.
_DEEPEST_TOP = 4
# Some ten signals of as many trials as anybody has recorded at once.
_MOST_NAMES = 3_000_000
_LONGEST_NAME = 100
_DRIVE = re.compile(r"[A-Za-z]:")
# What other systems put beside files, under the same suffix.
_LITTER = re.compile(r"(^|/)(\._|__MACOSX/)")


def names_in_folder(path: Path) -> list[str] | None:
    """Returns the names of all that is in a folder, symbolic links followed; None if it is none.

    Raises:
        AccessError: If the system refuses to list it.
        SensoriumError: If it holds more than any recording.
    """
    names: list[str] = []

    def walk(folder: Path, prefix: str, above: tuple[str, ...]) -> None:
        # A link may lead to a folder that holds it.
        if (place := os.path.realpath(folder)) in above:
            return
        with os.scandir(folder) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                names.append(prefix + entry.name)
                if len(names) > _MOST_NAMES:
                    raise SensoriumError(f"{path}: holds more files than any recording")
                if entry.is_dir():
                    walk(folder / entry.name, f"{prefix}{entry.name}/", (*above, place))

    try:
        if not path.is_dir():
            return None
        walk(path, "", ())
    except OSError as e:
        raise cannot_read(e.filename or path, e) from e
    return names


def names_in_zip(path: Path, archive: zipfile.ZipFile) -> dict[str, str]:
    """Returns the names in an archive, as in a folder, with those that they have there.

    Raises:
        SensoriumError: If one points outside of the archive, or two are the same.
    """
    names: dict[str, str] = {}
    for member in archive.namelist():
        name = re.sub(r"^(\./)+", "", member.replace("\\", "/"))
        if name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
            raise SensoriumError(
                f"{path}: {shown(member)} in it points outside of the recording: do not use this "
                "file"
            )
        if name in names:
            raise SensoriumError(f"{path}: a duplicate of {shown(name)} in it")
        names[name] = member
    return names


def below_top(path: Path, names: Iterable[str]) -> tuple[str, dict[str, str]]:
    """Returns the folder that holds `data` and `meta`, and what is below it with its whole name.

    Args:
        path: Of the recording, for messages.
        names: All that is in its zip or folder.

    Raises:
        SensoriumError: If there is no such folder, or several.
    """
    names = [name for name in names if not _LITTER.search(name)]
    tops = {name.removesuffix(TIERS) for name in names if f"/{name}".endswith(f"/{TIERS}")}
    tops = sorted(tops, key=lambda top: (top.count("/"), top))
    if not tops:
        there = sorted({name.split("/")[0] for name in names})[:5]
        raise SensoriumError(
            f"{path}: no {TIERS} in it (but {', '.join(map(shown, there)) or 'nothing at all'}): "
            "not a recording in the published file tree"
        )
    top, *others = tops
    if top.count("/") > _DEEPEST_TOP:
        raise SensoriumError(f"{path}: its recording lies too many folders deep, in {shown(top)}")
    # Copies inside of a recording are no others.
    if others := [each for each in others if not each.startswith(top)]:
        both = f"{shown(top or '.')} and {shown(others[0])}"
        raise SensoriumError(f"{path}: holds several recordings ({both} among them): give one")
    return top, {name.removeprefix(top): name for name in names if name.startswith(top)}


def with_sound_names(names: Mapping[str, str], warn: Callable[[str], None]) -> dict[str, str]:
    """Returns the names that a message can show, which all names of a recording's files are.

    Args:
        names: Those below its top, with their whole names.
        warn: What says a warning of those that are left out.
    """
    sound = {
        name: whole
        for name, whole in names.items()
        if name.isprintable() and len(name) <= _LONGEST_NAME
    }
    if others := [name for name in names if name not in sound]:
        warn(f"left out files with names that none of its own has: {shown(others[0])}")
    return sound


def aliased(
    names: Mapping[str, str],
    aliases: Mapping[str, str],
    folders: Iterable[str],
    warn: Callable[[str], None],
) -> dict[str, str]:
    """Returns the names of a recording in which folders of signals go by other names.

    Args:
        names: Those below its top, with their whole names.
        aliases: A folder under `data` to the one that stands for it.
        folders: Those of the signals that are known; no other has an alias.
        warn: What says a warning.
    """
    aliases = {each: aliases[each] for each in folders if aliases.get(each, each) != each}
    if not aliases:
        return dict(names)
    by_folder: dict[str, dict[str, str]] = {}
    for name, whole in names.items():
        if (match := re.match(r"data/([^/]+)/", name)) is not None:
            by_folder.setdefault(match[1], {})[name] = whole
    used = {}
    for folder, there in aliases.items():
        if there in by_folder:
            used[folder] = there
        else:
            warn(f"{CONFIG} says that {shown(there)} stands for {folder}, but there is none")
    # What stands for a signal is no signal of its own, unless it is known as one.
    gone = {*used, *(set(used.values()) - set(folders))}
    hidden = {name for folder in gone for name in by_folder.get(folder, ())}
    result = {name: whole for name, whole in names.items() if name not in hidden}
    for folder, there in used.items():
        for name, whole in by_folder[there].items():
            result[f"data/{folder}/{name.removeprefix(f'data/{there}/')}"] = whole
    return result


def read_aliases(content: bytes) -> dict[str, str]:
    """Returns the aliases of folders that a recording's `config.json` names under `links`.

    Raises:
        ValueError: If it is not the configuration of a recording.
    """
    values = parse_json(content)
    aliases = values.get("links", {}) if isinstance(values, dict) else None
    if not isinstance(aliases, dict) or not all(isinstance(each, str) for each in aliases.values()):
        raise ValueError("its links are not names")
    return aliases
