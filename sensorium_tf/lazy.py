"""Public names that are imported when they are first used (PEP 562)."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def attach(
    package: str, names: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Makes the public names of a package, none of which is imported yet.

    Example:
        >>> __getattr__, __dir__, __all__ = attach(
        ...     __name__,
        ...     {
        ...         "core": "core",  # the module itself
        ...         "Core": "core",  # `Core` of the module `core`
        ...         "simulate": "mouse:simulate_mouse",  # which has another name there
        ...     },
        ... )

    No other public name may be that of a module of the package: importing that module would put
    it in the name's place.

    Args:
        package: The package's `__name__`.
        names: Public name to the module, within the package, that has it.

    Returns:
        The package's `__getattr__`, `__dir__` and `__all__`.
    """

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        place, _, name_there = names[name].partition(":")
        value = importlib.import_module(f"{package}.{place}")
        if place != name:
            value = getattr(value, name_there or name)
        # From now on Python finds it by itself.
        setattr(sys.modules[package], name, value)
        return value

    def list_names() -> list[str]:
        special = (name for name in vars(sys.modules[package]) if name.startswith("__"))
        return sorted({*names, *special})

    return get, list_names, sorted(names)
