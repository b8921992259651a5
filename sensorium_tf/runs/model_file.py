"""Models as Keras files."""

import contextlib
import os
import re
import secrets
from pathlib import Path

import keras

from sensorium_tf.errors import AccessError, SensoriumError, is_access_error, one_line, os_reason
from sensorium_tf.io import expand
from sensorium_tf.models import EnsembleModel, FiringRateModel
from sensorium_tf.reading import ZIP_ERRORS, cannot_read, open_regular
from sensorium_tf.runs.model_archive import check_model_archive
from sensorium_tf.runs.weight_limit import weight_limit

_SUFFIX = ".keras"
# What Keras says of a class that nobody has imported, and where it was.
_CUSTOM = re.compile(
    r"Could not locate class '(\w+)'.*?Full object config: {'module': '([\w.]+)'", re.DOTALL
)


def check_model_file(path: str | os.PathLike) -> Path:
    """Returns the path of a model file to be written.

    Raises:
        SensoriumError: If its name does not end in `.keras`, or it is a folder.
    """
    path = expand(path)
    if path.suffix != _SUFFIX:
        raise SensoriumError(f"{path}: expected a file name that ends in {_SUFFIX}")
    if path.is_dir():
        raise SensoriumError(f"{path}: is a folder, expected a file's name")
    return path


def save_model(model: FiringRateModel | EnsembleModel, path: str | os.PathLike) -> None:
    """Writes a model as a Keras file, complete or not at all; a kill leaves what was there before.

    Args:
        model: Of this package.
        path: The file; folders above it are made.

    Raises:
        SensoriumError: As `check_model_file`, or if the file cannot be written.
    """
    path = check_model_file(path)
    # Keras writes by name and only to names that end so.
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(temporary)
        temporary.replace(path)
    except OSError as e:
        raise AccessError(f"{path}: cannot be written: {os_reason(e)}") from e
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def load_model(path: str | os.PathLike) -> FiringRateModel | EnsembleModel:
    """Loads a Keras model file as data: a file that carries code is refused.

    Raises:
        SensoriumError: If there is no such file, it cannot be read, or it is not a model of this
            package.
    """
    path = expand(path)
    if path.is_dir():
        raise SensoriumError(f"{path}: is a folder, expected a model file, such as its model.keras")
    try:
        file = open_regular(path)
    except FileNotFoundError as e:
        raise SensoriumError(f"{path}: there is no such model file") from e
    with file:
        if path.suffix != _SUFFIX:
            raise SensoriumError(
                f"{path}: not a {_SUFFIX} file (a PyTorch checkpoint becomes one with python "
                "launch/import_published.py)"
            )
        try:
            n_bytes = check_model_archive(file)
        except OSError as e:
            raise cannot_read(path, e) from e
        except (*ZIP_ERRORS, RecursionError) as e:
            raise SensoriumError(
                f"{path}: not a Keras model file, or a damaged one ({one_line(e)[:150]})"
            ) from e
    try:
        with weight_limit(n_bytes):
            model = keras.models.load_model(path, safe_mode=True, compile=False)
    except Exception as e:  # Keras raises many kinds of error on files that are not its own
        if is_access_error(e):
            raise cannot_read(path, e) from e
        if custom := _CUSTOM.search(str(e)):
            part, module = custom.groups()
            raise SensoriumError(
                f"{path}: has custom parts: give --modules={module}, or import it first ({part} is "
                "not found)"
            ) from e
        raise SensoriumError(
            f"{path}: not a Keras model that can be loaded ({one_line(e)[:300]})"
        ) from e
    if not isinstance(model, FiringRateModel | EnsembleModel):
        raise SensoriumError(f"{path}: a Keras model of another kind, expected one of mice")
    return model
