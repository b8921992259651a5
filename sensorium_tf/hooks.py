"""What other libraries find of ours, once they are imported: before or after this package."""

import functools
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import wrapt

# Library to the package that registers itself with it, and the modules whose import does so.
_REGISTERED = {
    "keras": ("sensorium_tf.models", ("saved",)),
    "tensorflow_datasets": (
        "sensorium_tf.datasets",
        (
            "sensorium.sensorium_dataset_builder",
            "sensorium2023.sensorium2023_dataset_builder",
        ),
    ),
}
# Packages that an installed package holds; in a clone they lie beside it.
_BESIDE = ("datasets", "launch")


def register_with_libraries() -> None:
    """Lets `keras.models.load_model` find our layers, and `tfds.load` our datasets.

    Neither library is imported here.
    """
    for library, (package, modules) in _REGISTERED.items():
        register = functools.partial(_register, library=library, package=package, modules=modules)
        for name in (library, *_modules_of(package)):
            wrapt.register_post_import_hook(register, name)


def _register(
    imported: ModuleType, *, library: str, package: str, modules: tuple[str, ...]
) -> None:
    """Imports the modules that register a package, unless a part of it is just being imported.

    One of our modules may be what imports the library. Others that need that module would find it
    empty: they have to wait until it is complete, of which its own hook tells.
    """
    if library not in sys.modules:
        return
    ours = [sys.modules[name] for name in list(sys.modules) if f"{name}.".startswith(f"{package}.")]
    others = [each for each in (sys.modules[library], *ours) if each is not imported]
    if not any(getattr(each.__spec__, "_initializing", False) for each in others):
        for module in modules:
            importlib.import_module(f"{package}.{module}")


def _modules_of(package: str) -> list[str]:
    """Returns the modules of a package, by its files."""
    spec = importlib.util.find_spec(package)
    (folder,) = map(Path, spec.submodule_search_locations)
    paths = (path.relative_to(folder).with_suffix("") for path in sorted(folder.rglob("*.py")))
    return [".".join((package, *path.parts)).removesuffix(".__init__") for path in paths]


def find_packages_beside(package: str) -> None:
    """Makes a clone's own `datasets` and `launch` importable, whatever else is installed.

    Args:
        package: The `__name__` of the package in which they are to be found.
    """
    for name in _BESIDE:
        inside = Path(__file__).with_name(name)
        full_name, folder = f"{package}.{name}", Path(__file__).parents[1] / name
        if not inside.is_dir() and (folder / "__init__.py").is_file():
            spec = importlib.util.spec_from_file_location(
                full_name, folder / "__init__.py", submodule_search_locations=[str(folder)]
            )
            sys.modules[full_name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[full_name])
