"""Modules of custom parts: imported by name, and recognised again as they were."""

import contextlib
import hashlib
import importlib
import importlib.machinery
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from sensorium_tf.errors import SensoriumError, one_line

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
# Modules of these packages are no custom ones.
_OURS = ("sensorium_tf", "keras")


def import_modules(names: Iterable[str]) -> list[ModuleType]:
    """Imports custom modules, with the parts that they register.

    Args:
        names: Such as `package.module`, installed or in the working directory, which is put at the
            end of Python's path.

    Raises:
        SensoriumError: If one cannot be imported.
    """
    modules = []
    for name in names:
        _look_here()
        try:
            modules.append(importlib.import_module(name))
        except (Exception, SystemExit) as e:  # whatever a user's code raises
            raise SensoriumError(
                f"module {name!r} cannot be imported ({type(e).__name__}: {_said(e)})"
            ) from e
    return modules


def custom_modules(model: Any) -> tuple[str, ...]:
    """Returns the modules, other than this package's, of a model's class and its parts.

    A file of the model can be loaded once they have been imported.

    Args:
        model: A `FiringRateModel` or an `EnsembleModel`.
    """
    made = (model, *getattr(model, "members", ()), *model.parts)
    modules = dict.fromkeys(type(each).__module__ for each in made)
    return tuple(name for name in modules if name.partition(".")[0] not in _OURS)


def source_digest(name: str) -> str:
    """Returns the SHA-256 of a module's source and place, and of its packages', as hex.

    Nothing is imported. Other modules that it imports are not looked at.

    Args:
        name: Of the module, such as `package.module`.

    Raises:
        SensoriumError: If no source of this name is found.
    """
    return _digest(_sources(name))


def record_modules(names: Iterable[str]) -> dict[str, str]:
    """Returns each module with the digest of its source, for `import_recorded`.

    What a session defines by itself, as a notebook does in its cells, has no source: the digest is
    empty then, and the session alone can use it.

    Raises:
        SensoriumError: If the source of one is not found.
    """
    return {name: "" if name == "__main__" else source_digest(name) for name in names}


def import_recorded(recorded: Mapping[str, str], *, not_from: Path | None = None) -> None:
    """Imports the modules that a run recorded, if they are still the same.

    A record names code that is in its place on this machine already: a module whose source or place
    differs, as that of one which came along with a run does, is not imported. Modules that have
    been imported are left alone.

    Args:
        recorded: As `record_modules` returns it.
        not_from: Folder of the record, from which no module is imported.

    Raises:
        SensoriumError: If a module is not found, has changed or lies in that folder.
    """
    for name, digest in recorded.items():
        if name in sys.modules:
            continue
        remedy = f"give --modules={name} to use it as it is now"
        try:
            sources = _sources(name)
        except SensoriumError as e:
            raise SensoriumError(
                f"module {name!r}, which the run was trained with, is not found: {remedy}, from "
                "where it can be found"
            ) from e
        if not_from is not None and any(
            path.resolve().is_relative_to(not_from.resolve()) for path in sources
        ):
            raise SensoriumError(
                f"module {name!r} lies in the run's own folder, and was not run: read it, and "
                f"{remedy}"
            )
        if _digest(sources) != digest:
            raise SensoriumError(
                f"module {name!r} has changed or moved since the run was trained: {remedy}"
            )
        import_modules([name])


@contextlib.contextmanager
def custom_code(doing: str) -> Iterator[None]:
    """Turns whatever a user's code raises into a SensoriumError of one line.

    Args:
        doing: What is being done, with which the text begins.
    """
    try:
        yield
    except SensoriumError as e:
        if "\n" not in str(e):
            raise
        # Keras wraps what is raised in a call.
        raise SensoriumError(f"{doing}: {_said(e)}") from e
    except (Exception, SystemExit) as e:
        raise SensoriumError(f"{doing} raised {type(e).__name__}: {_said(e)}") from e


def _said(error: BaseException) -> str:
    """Returns what an error says, without what Keras puts around it."""
    said, _, _ = one_line(error).partition(" Arguments received by ")
    return said.rpartition("Error encountered: ")[2][:500]


def _look_here() -> None:
    """Lets modules of the working directory be found, also those just written."""
    # A script's own folder is on the path, the working directory not, unless it is asked for.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    importlib.invalidate_caches()


def _sources(name: str) -> list[Path]:
    """Returns the source files of a module and of the packages that it is in, outermost first."""
    if not _MODULE.fullmatch(name) or name.partition(".")[0] in sys.stdlib_module_names:
        raise SensoriumError(f"module {name!r}: expected a module of custom parts")
    _look_here()
    sources, places, so_far = [], None, ""
    for component in name.split("."):
        so_far = f"{so_far}.{component}".lstrip(".")
        # Unlike importlib.util.find_spec this imports no package on the way.
        found = (finder.find_spec(so_far, places, None) for finder in sys.meta_path)
        spec = next((each for each in found if each is not None), None)
        if spec is None:
            raise SensoriumError(f"module {name!r}: is not found")
        if isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            sources.append(Path(spec.origin))
        elif spec.submodule_search_locations is None:
            raise SensoriumError(f"module {name!r}: is not Python source")
        places = spec.submodule_search_locations or []
    return sources


def _digest(sources: Iterable[Path]) -> str:
    content = hashlib.sha256()
    for path in sources:
        # The place as well: who sends a run does not know where it will lie.
        content.update(hashlib.sha256(str(path.resolve()).encode()).digest())
        content.update(hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()
