"""PyTorch state dicts on disk, read as data and never executed."""

import os
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.files import atomic_write

# PyTorch's words for a pickle that asks for anything but tensors and plain containers.
_CODE = "unsupported global"


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
    path = Path(path).expanduser()
    torch = _torch()
    if not path.is_file():
        raise SensoriumError(f"{path}: no such checkpoint")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # hints for people who write checkpoints
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as e:
        if _CODE in str(e).lower():
            raise SensoriumError(
                f"{path}: carries code or objects besides its weights, and was not run: expected "
                "a state dict as written by torch.save(model.state_dict(), path)"
            ) from e
        # Not PyTorch's text: it recommends to trust the file.
        raise SensoriumError(f"{path}: not a PyTorch checkpoint, or a damaged one") from e
    except Exception as e:  # PyTorch raises many kinds of error on files that are not its own
        reason = one_line(e).split(". ")[0][:200]  # it goes on for paragraphs
        raise SensoriumError(
            f"{path}: not a PyTorch checkpoint, or a damaged one ({reason})"
        ) from e
    if not isinstance(state, Mapping) or not state:
        raise SensoriumError(f"{path}: holds no weights by name, expected a PyTorch state dict")
    return {_checked_name(path, name): _array(path, name, state[name], torch) for name in state}


def write_state(path: str | os.PathLike, state: Mapping[str, np.ndarray]) -> None:
    """Writes a state dict that `model.load_state_dict(torch.load(path))` takes.

    Args:
        path: The file; it is complete or not there.
        state: Name of each weight to its values.

    Raises:
        SensoriumError: If PyTorch is not installed or the file cannot be written.
    """
    torch = _torch()
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


def _checked_name(path: Path, name: object) -> str:
    if not isinstance(name, str):
        raise SensoriumError(
            f"{path}: holds no weights by name (an entry is called {name!r}), expected a PyTorch "
            "state dict"
        )
    return name


def _array(path: Path, name: str, tensor: object, torch) -> np.ndarray:
    if not isinstance(tensor, torch.Tensor):
        raise SensoriumError(
            f"{path}: entry {name!r} is no weight but a {type(tensor).__name__}: expected a state "
            "dict as written by torch.save(model.state_dict(), path)"
        )
    plain = tensor.layout == torch.strided and tensor.device.type == "cpu"
    # A few stored numbers can claim to be a tensor of any size, which would fill the memory.
    if not plain or tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise SensoriumError(f"{path}: weight {name!r} is not stored as a plain array")
    array = tensor.detach()
    array = (array.float() if tensor.is_floating_point() else array).numpy()
    if not np.isfinite(array).all():
        raise SensoriumError(f"{path}: weight {name!r} holds NaN or infinity")
    return array
