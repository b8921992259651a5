"""The public names of the package: what its rooms list in `__all__`, and what documents it."""

import ast
import dataclasses
import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

PACKAGE = "sensorium_tf"
_MEMBERS = (FunctionType, classmethod, staticmethod, property, functools.cached_property)


def rooms() -> list[ModuleType]:
    """Returns the packages that have an `__all__`; not those that only supply the one above."""
    found = [importlib.import_module(PACKAGE)]
    # The datasets lie elsewhere than the package in which they are installed.
    for start in (PACKAGE, f"{PACKAGE}.datasets"):
        path = importlib.import_module(start).__path__
        for info in pkgutil.iter_modules(path, f"{start}."):
            if info.ispkg:
                found += _rooms_from(importlib.import_module(info.name))
    return sorted({room.__name__: room for room in found}.values(), key=lambda r: r.__name__)


def _rooms_from(module: ModuleType) -> Iterator[ModuleType]:
    above = importlib.import_module(module.__name__.rpartition(".")[0])
    names = getattr(module, "__all__", None)
    if names is not None and not set(names) <= set(getattr(above, "__all__", ())):
        yield module
    for info in pkgutil.iter_modules(module.__path__, f"{module.__name__}."):
        if info.ispkg:
            yield from _rooms_from(importlib.import_module(info.name))


def constant_comment(room: ModuleType, name: str) -> str:
    """Returns the text of the `#:` lines above a constant, where it is assigned; or nothing."""
    module = room
    while (source := _imported_from(module, name)) is not None:
        module = importlib.import_module(source)
    lines = Path(module.__file__).read_text("utf-8").splitlines()
    (row,) = (i for i, line in enumerate(lines) if re.match(rf"{name}\b[^=]*=", line))
    comment: list[str] = []
    while row and lines[row - 1].startswith("#:"):
        row -= 1
        comment.insert(0, lines[row].removeprefix("#:").strip())
    return "\n".join(comment)


def _imported_from(module: ModuleType, name: str) -> str | None:
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == name for alias in node.names):
            return node.module
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "attach":
            place = ast.literal_eval(node.args[1]).get(name)
            return place and f"{module.__name__}.{place.partition(':')[0]}"
    return None


def undocumented() -> list[str]:
    """Returns a line for each public name without docstring, or constant without `#:` comment.

    Public are also methods, properties and fields of public classes, unless their names start
    with an underscore. Fields have to be named under `Attributes:`.
    """
    missing = []
    for room in rooms():
        if not room.__doc__:
            missing.append(f"{room.__name__}: no docstring")
        for name in room.__all__:
            value, full_name = getattr(room, name), f"{room.__name__}.{name}"
            if inspect.isclass(value):
                missing += _undocumented_in(value, full_name)
            elif inspect.ismodule(value) or inspect.isroutine(value):
                missing += [] if value.__doc__ else [f"{full_name}: no docstring"]
            elif not constant_comment(room, name):
                missing.append(f"{full_name}: no comment that starts with #: above it")
    return missing


def _undocumented_in(cls: type, full_name: str) -> Iterator[str]:
    text = cls.__dict__.get("__doc__") or ""
    # A dataclass or named tuple without docstring is given its signature as one.
    if not text or text.startswith(f"{cls.__name__}("):
        yield f"{full_name}: no docstring"
    fields = [f.name for f in dataclasses.fields(cls)] if dataclasses.is_dataclass(cls) else []
    # Fields that are inherited are described where they are from.
    for base in cls.__mro__[1:]:
        if base.__module__.startswith(PACKAGE) and dataclasses.is_dataclass(base):
            text += f"\n{base.__doc__}"
    for field in (*fields, *getattr(cls, "_fields", ())):
        if not field.startswith("_") and not re.search(rf"^\s*{field}: \S", text, re.MULTILINE):
            yield f"{full_name}.{field}: not among the Attributes of the docstring"
    for base in cls.__mro__:
        if not base.__module__.startswith(PACKAGE):
            continue
        for name, member in vars(base).items():
            if not name.startswith("_") and isinstance(member, _MEMBERS) and not _text_of(member):
                yield f"{full_name}.{name}: no docstring"


def _text_of(member) -> str | None:
    return getattr(member, "__func__", member).__doc__
