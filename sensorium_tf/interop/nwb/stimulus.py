"""The images of an NWB file, and which of them each trial showed."""

import dataclasses
import hashlib
import math

import h5py
import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.interop.nwb.hdf5 import Hdf5File
from sensorium_tf.progress import progress


@dataclasses.dataclass(frozen=True, eq=False)
class Stimulus:
    """Images, each once, and their use.

    Attributes:
        images: `(images, height, width)` or `(images, height, width, channels)`.
        index: Which one each trial showed, `(trials,)`.
    """

    images: np.ndarray
    index: np.ndarray


def read_stimulus(
    file: Hdf5File, path: str, *, n_trials: int, index: np.ndarray | None
) -> Stimulus:
    """Reads images.

    Args:
        file: The file.
        path: Of an IndexSeries, an ImageSeries, Images, or a dataset of images.
        n_trials: Number of trials.
        index: Number of each trial's image, `(trials,)`, if the file has it elsewhere.

    Raises:
        SensoriumError: If there are no images there, or they are not one for each trial.
    """
    node = file.find(path)
    if isinstance(node, h5py.Dataset):
        images = _stack(file, node, path)
    elif (order := file.get("order_of_images", node)) is not None:
        images = _separate(file, order, f"{path}/order_of_images")
    elif (target := file.get("indexed_images", node)) is not None:
        images = _separate(file, file.get("order_of_images", target), f"{path}/indexed_images")
        index = _read_index(file, node, path) if index is None else index
    elif (target := file.get("indexed_timeseries/data", node)) is not None:
        images = _stack(file, target, f"{path}/indexed_timeseries")
        index = _read_index(file, node, path) if index is None else index
    else:
        images = _stack(file, _data(file, node, path), path)
    if index is None:
        index = np.arange(len(images))
    if index.shape != (n_trials,):
        raise SensoriumError(
            f"{file.path}: {path} has {len(index)} images or indexes, but there are {n_trials} "
            "trials: say which trial showed which by image_index, a column of the trials"
        )
    if index.dtype.kind not in "iu" or (index < 0).any() or (index >= len(images)).any():
        raise SensoriumError(
            f"{file.path}: {path}: the trials' images are not numbers from 0 to {len(images) - 1}"
        )
    return Stimulus(images, index.astype(np.intp))


def image_ids(images: np.ndarray) -> np.ndarray:
    """Returns an id for each image, `(images,)` int64: equal images share theirs.

    Args:
        images: `(images, ...)`.
    """
    known: dict[bytes, int] = {}
    return np.array(
        [known.setdefault(hashlib.sha256(each.tobytes()).digest(), len(known)) for each in images]
    )


def _data(file: Hdf5File, node: h5py.Group, path: str) -> h5py.Dataset:
    if file.get("external_file", node) is not None:
        raise SensoriumError(
            f"{file.path}: {path} keeps its images in other files, which are not read: store them "
            "in the NWB file"
        )
    data = file.get("data", node)
    if data is None:
        raise SensoriumError(
            f"{file.path}: {path} holds no images: expected an IndexSeries, ImageSeries or Images"
        )
    return data


def _read_index(file: Hdf5File, node: h5py.Group, path: str) -> np.ndarray:
    data = file.get("data", node)
    if data is None:
        raise SensoriumError(f"{file.path}: {path} has no data")
    return file.read(data, f"{path}/data")


def _stack(file: Hdf5File, dataset: h5py.Dataset, path: str) -> np.ndarray:
    """Returns images that are one dataset."""
    shape = file.shape(dataset, path)
    if len(shape) not in (3, 4) or 0 in shape:
        raise SensoriumError(
            f"{file.path}: {path} has shape {shape}, expected (images, height, width) or "
            "(images, height, width, channels)"
        )
    return _numbers(file, file.read(dataset, path), path)


def _separate(file: Hdf5File, order: h5py.Dataset | None, path: str) -> np.ndarray:
    """Returns images that are a dataset each."""
    if order is None:
        raise SensoriumError(f"{file.path}: {path} has no order of its images")
    found = [file.refers_to(each) for each in file.references(order, path).ravel()]
    shapes = {file.shape(each, path) for each in found}
    if len(shapes) != 1 or any(len(shape) not in (2, 3) or 0 in shape for shape in shapes):
        raise SensoriumError(f"{file.path}: {path}: its images are not all of one size")
    shape, dtype = (len(found), *shapes.pop()), np.result_type(*{each.dtype for each in found})
    file.spend(math.prod(shape) * dtype.itemsize, path)
    images = np.empty(shape, dtype)
    for number, each in enumerate(progress(found, "reading images")):
        images[number] = _numbers(file, file.read(each, f"{path}: {each.name}"), path)
    return images


def _numbers(file: Hdf5File, images: np.ndarray, path: str) -> np.ndarray:
    if images.dtype.kind not in "biuf":
        raise SensoriumError(f"{file.path}: {path} holds {images.dtype}, expected grey values")
    return images
