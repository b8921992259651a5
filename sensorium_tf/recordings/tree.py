"""Where the files of a recording are, in a zip or in a folder, whatever made it."""

import json
import os
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.reading import cannot_read

TIERS = "meta/trials/tiers.npy"
# A recording may lie so many folders deep in its archive.
_DEEPEST_TOP = 4
# What other systems put beside files, under the same suffix.
_LITTER = re.compile(r"(^|/)(\._|__MACOSX/)")
# What is given in place of a zip, by its first bytes.
_OTHER_KINDS = (
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file (as NWB and MATLAB write it)"),
    (b"\x1f\x8b", "is a gzip file, perhaps of a tar archive: unpack it"),
    (b"/annex/objects/", "is git-annex's note in place of the file: run git annex get"),
    (b"version https://git-lfs", "is Git LFS's note in place of the file: run git lfs pull"),
)


def names_in_folder(path: Path) -> list[str] | None:
    """Returns the names of all that is in a folder, links followed; None if the path is none.

    Raises:
        AccessError: If the system refuses to list it.
    """

    def refuse(error: OSError) -> None:
        raise error

    try:
        if not path.is_dir():
            return None
        names, seen = [], set()
        for folder, folders, files in os.walk(path, onerror=refuse, followlinks=True):
            # A link may lead to a folder that holds it.
            place = os.path.realpath(folder)
            if place in seen:
                folders.clear()
                continue
            seen.add(place)
            below = Path(folder).relative_to(path)
            names += [(below / name).as_posix() for name in folders + files]
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
        if name.startswith("/") or ":" in name or ".." in name.split("/"):
            raise SensoriumError(
                f"{path}: {member!r} in it points outside of the recording: do not use this file"
            )
        if name in names:
            raise SensoriumError(f"{path}: a duplicate of {name!r} in it")
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
    tops = sorted(top for top in tops if top.count("/") <= _DEEPEST_TOP)
    if not tops:
        there = sorted({name.split("/")[0] for name in names})[:5]
        raise SensoriumError(
            f"{path}: no {TIERS} in it (but {', '.join(there) or 'nothing at all'}): not a "
            "recording in the published file tree"
        )
    if len(tops) > 1:
        raise SensoriumError(f"{path}: holds several recordings ({', '.join(tops)}): give one")
    (top,) = tops
    return top, {name.removeprefix(top): name for name in names if name.startswith(top)}


def linked(names: Mapping[str, str], links: Mapping[str, str]) -> dict[str, str]:
    """Returns the names of a recording in which folders of signals have other names.

    Args:
        names: Those below its top, with their whole names.
        links: Name of a signal's folder to the folder under `data` that stands for it.
    """
    moved = {name: whole for name, whole in names.items() if _folder(name) not in links}
    for wanted, there in links.items():
        prefix = f"data/{there}/"
        for name, whole in names.items():
            if name.startswith(prefix):
                moved.pop(name, None)
                moved[f"data/{wanted}/{name.removeprefix(prefix)}"] = whole
    return moved


def read_links(content: bytes) -> dict[str, str]:
    """Returns the links that a recording's `config.json` names.

    Raises:
        ValueError: If it is not the configuration of a recording.
    """
    try:
        links: Any = json.loads(content.decode()).get("links", {})
        plain = all(isinstance(name, str) for pair in links.items() for name in pair)
    except (AttributeError, RecursionError) as e:
        raise ValueError(one_line(e)) from e
    if not plain:
        raise ValueError("its links are not names")
    return links


def what_it_is(start: bytes) -> str | None:
    """Returns what a file is that is no zip, by its first bytes; None if that is not known."""
    return next((kind for magic, kind in _OTHER_KINDS if start.startswith(magic)), None)


def _folder(name: str) -> str | None:
    """Returns the folder under `data` that a file is in."""
    match = re.match(r"data/([^/]+)/", name)
    return match and match[1]
