"""Models as Keras files."""

import contextlib
import os
import re
import warnings
from pathlib import Path

import keras

from sensorium_tf.errors import AccessError, SensoriumError, os_reason
from sensorium_tf.io import beside, expand, remove_leftovers, replace, reserved
from sensorium_tf.models import EnsembleModel, FiringRateModel
from sensorium_tf.models.ops.precision import keras_defaults
from sensorium_tf.reading import ZIP, open_regular, reading
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
    temporary = beside(path, _SUFFIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path, _SUFFIX)
        with reserved(temporary):
            model.save(temporary)
            replace(temporary, path)
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
    with (
        reading(
            path,
            "not a Keras model file, or a damaged one",
            missing="there is no such model file",
            begins=ZIP,
        ),
        open_regular(path) as file,
    ):
        if path.suffix != _SUFFIX:
            raise SensoriumError(
                f"{path}: not a {_SUFFIX} file (a PyTorch checkpoint becomes one with python "
                "launch/import_published.py)"
            )
        n_bytes = check_model_archive(file)
    with reading(path, "not a Keras model that can be loaded", begins=ZIP):
        try:
            with keras_defaults(), weight_limit(n_bytes), warnings.catch_warnings():
                # What Keras says where it leaves weights as they are made.
                warnings.filterwarnings("error", "Skipping|.*could not be loaded")
                model = keras.models.load_model(path, safe_mode=True, compile=False)
        except Exception as e:
            if (custom := _CUSTOM.search(str(e))) is not None:
                part, module = custom.groups()
                raise SensoriumError(
                    f"{path}: has custom parts: give --modules={module}, or import it first "
                    f"({part} is not found)"
                ) from e
            if isinstance(e, SensoriumError):  # of a part, which knows no file
                raise ValueError(str(e)) from e
            raise
    if not isinstance(model, FiringRateModel | EnsembleModel):
        raise SensoriumError(f"{path}: a Keras model of another kind, expected one of mice")
    return model
