"""What other libraries find of ours, once they are imported: before or after this package."""

import importlib
import importlib.util
import sys
from pathlib import Path

import wrapt

# Library to what registers itself with it when it is imported.
_REGISTERED = {
    "keras": "sensorium_tf.models.saved",
    "tensorflow_datasets": "sensorium_tf.datasets.sensorium",
}
# Packages that an installed package holds; in a clone they lie beside it.
_BESIDE = ("datasets", "launch")


def register_with_libraries() -> None:
    """Lets `keras.models.load_model` find our layers, and `tfds.load` our datasets.

    Neither library is imported here.
    """
    for library, ours in _REGISTERED.items():
        wrapt.register_post_import_hook(lambda _, ours=ours: importlib.import_module(ours), library)


def find_packages_beside(package: str) -> None:
    """Makes `datasets` and `launch` importable from a clone that is not installed in place.

    Args:
        package: The `__name__` of the package in which they are to be found.
    """
    for name in _BESIDE:
        full_name, folder = f"{package}.{name}", Path(__file__).parents[1] / name
        if importlib.util.find_spec(full_name) is None and (folder / "__init__.py").is_file():
            spec = importlib.util.spec_from_file_location(
                full_name, folder / "__init__.py", submodule_search_locations=[str(folder)]
            )
            sys.modules[full_name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[full_name])
