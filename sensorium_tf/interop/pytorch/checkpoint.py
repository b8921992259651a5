"""PyTorch state dicts on disk, read as data and never executed."""

import os
import reprlib
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from sensorium_tf.errors import SensoriumError, is_access_error
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.reading import ZIP, check_inflation, open_regular, open_zip, reading

# PyTorch's words for a pickle that asks for anything but tensors and plain containers.
_CODE = "unsupported global"
_SUFFIXES = (".pth", ".pt")
# The one kind of whole number in a state dict.
_COUNTER = ".num_batches_tracked"
_LONGEST_NAME = 200


def read_state(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads a state dict.

    Args:
        path: A file written by `torch.save(model.state_dict(), path)`.

    Returns:
        Name of each weight to its values.

    Raises:
        SensoriumError: If PyTorch is not installed, or the file is not there, damaged, no state
            dict, or carries code (which is not run).
    """
    path = expand(path)
    torch = _torch()
    if path.suffix == ".keras":
        raise SensoriumError(f"{path}: named as a Keras model, expected a PyTorch checkpoint")
    with reading(
        path,
        "not a PyTorch checkpoint, or a damaged one",
        missing="no such checkpoint",
        begins=ZIP,
    ):
        with open_regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hints for people who write checkpoints
            _check_archive(file)
            file.seek(0)
            state = _load(path, file, torch)
        if not isinstance(state, Mapping) or not state:
            raise SensoriumError(f"{path}: holds no weights by name, expected a PyTorch state dict")
        return {_checked_name(path, name): _array(path, name, state[name], torch) for name in state}


def write_state(path: str | os.PathLike, state: Mapping[str, np.ndarray]) -> None:
    """Writes a state dict that `model.load_state_dict(torch.load(path))` takes.

    Args:
        path: The file, `.pth` or `.pt`; it is complete or not there.
        state: Name of each weight to its values.

    Raises:
        SensoriumError: If PyTorch is not installed, or the file has another suffix or cannot be
            written.
    """
    torch = _torch()
    # Another suffix is a slip, and might be a model's own file.
    if Path(path).suffix not in _SUFFIXES:
        raise SensoriumError(f"{path}: expected a file name that ends in {' or '.join(_SUFFIXES)}")
    # A copy: PyTorch warns of arrays that it may not write to.
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in state.items()}
    with atomic_write(path, "wb") as file:
        torch.save(tensors, file)


def _torch():
    try:
        import torch
    except ImportError as e:
        raise SensoriumError(
            "PyTorch checkpoints need PyTorch: pip install 'sensorium_tf[published]' (or pip "
            "install '.[published]' in a clone)"
        ) from e
    return torch


def _load(path: Path, file: BinaryIO, torch) -> object:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as e:
        if is_access_error(e):
            raise
        if _CODE in str(e).lower():
            raise SensoriumError(
                f"{path}: carries code or objects besides its weights, and was not run: expected "
                "a state dict as written by torch.save(model.state_dict(), path)"
            ) from e
        # Not in its own words, which recommend to trust the file.
        raise ValueError("PyTorch cannot read it") from e


def _check_archive(file: BinaryIO) -> None:
    """Refuses damage that PyTorch does not look for, and members that grow when read."""
    if not zipfile.is_zipfile(file):
        return  # the format of old, which PyTorch checks
    archive = open_zip(file)
    check_inflation(archive, largest=os.fstat(file.fileno()).st_size)
    packed = any(each.compress_type != zipfile.ZIP_STORED for each in archive.infolist())
    if packed or archive.testzip() is not None:
        raise zipfile.BadZipFile("a damaged or compressed member")


def _checked_name(path: Path, name: object) -> str:
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        shown = reprlib.repr(name)
        raise SensoriumError(
            f"{path}: holds no weights by name (an entry is called {shown}), expected a PyTorch "
            "state dict"
        )
    return name


def _array(path: Path, name: str, tensor: object, torch) -> np.ndarray:
    if not isinstance(tensor, torch.Tensor):
        raise SensoriumError(
            f"{path}: entry {name!r} is of type {type(tensor).__name__}, not a weight: expected a "
            "state dict as written by torch.save(model.state_dict(), path)"
        )
    if not tensor.is_floating_point() and not name.endswith(_COUNTER):
        raise SensoriumError(
            f"{path}: weight {name!r} is {tensor.dtype}, expected floating-point numbers"
        )
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    # A few stored numbers can claim to be a tensor of any size, which would fill the memory.
    if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise SensoriumError(f"{path}: weight {name!r} is not stored as a plain array")
    array = tensor.detach().float().numpy()
    if not np.isfinite(array).all():
        raise SensoriumError(f"{path}: weight {name!r} holds NaN or infinity")
    return array
