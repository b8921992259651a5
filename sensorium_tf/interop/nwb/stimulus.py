"""The images of an NWB file, and which of them each trial showed: read some at a time."""

import dataclasses
import hashlib
import math
from collections.abc import Sequence

import h5py
import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.interop.nwb.hdf5 import Hdf5File
from sensorium_tf.progress import progress


class StoredImages:
    """Images in a file, of which some are read at a time: one dataset, or one for each image.

    Args:
        file: The file.
        nodes: The dataset of all images, `(images, ...)`, or those of each, `(...)`.
        shape: `(images, height, width)` or `(images, height, width, channels)`.
        name: Of it, for messages.
    """

    def __init__(
        self, file: Hdf5File, nodes: h5py.Dataset | list[h5py.Dataset], shape: tuple, name: str
    ):
        self._file, self._nodes, self._name, self.shape = file, nodes, name, shape
        dtypes = {each.dtype for each in nodes} if isinstance(nodes, list) else {nodes.dtype}
        for dtype in dtypes:
            if dtype.kind not in "biuf":
                raise SensoriumError(f"{file.path}: {name} holds {dtype}, expected grey values")
        self.dtype = np.result_type(*dtypes)

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, index: np.ndarray) -> np.ndarray:
        """Returns some images, `(images, ...)`, by their numbers."""
        wanted, where = np.unique(index, return_inverse=True)
        if not isinstance(self._nodes, list):
            return next(self._file.blocks(self._nodes, self._name, [wanted]))[where]
        images = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        for row, number in enumerate(wanted):
            node = self._nodes[number]
            name = f"{self._name}: {node.name}"
            images[row] = next(self._file.blocks(node, name, [slice(None)]))
        return images[where]


@dataclasses.dataclass(frozen=True, eq=False)
class Stimulus:
    """Images, each once, and their use.

    Attributes:
        images: The images.
        index: Which one each trial showed, `(trials,)`.
    """

    images: StoredImages
    index: np.ndarray


class ShownImages:
    """The image of each trial, of which some are read at a time, as `write_recording` takes them.

    Args:
        colours: A stimulus for each colour, or one for all.
        rows: Of the file's trials, those that are wanted.
        axes: `yx`, or `xy` for images stored (width, height).

    Attributes:
        shape: `(trials, height, width, channels)`.
        dtype: Of the values.
    """

    def __init__(self, colours: Sequence[Stimulus], rows: np.ndarray, *, axes: str):
        self._colours = [(each.images, each.index[rows]) for each in colours]
        self._is_transposed = axes == "xy"
        shapes = [(*each.images.shape[1:], 1)[:3] for each in colours]
        height, width, _ = shapes[0]
        channels = sum(shape[2] for shape in shapes)
        size = (width, height) if self._is_transposed else (height, width)
        self.shape = (len(rows), *size, channels)
        self.dtype = np.result_type(*{each.images.dtype for each in colours})

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, trials: slice | np.ndarray) -> np.ndarray:
        """Returns the images of some trials, `(trials, height, width, channels)`."""
        parts = []
        for images, index in self._colours:
            part = images.read(index[trials])
            part = part[..., None] if part.ndim == 3 else part
            parts.append(np.swapaxes(part, 1, 2) if self._is_transposed else part)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)

    def ids(self) -> np.ndarray:
        """Returns an id for each trial's image, `(trials,)` int64: equal images share theirs."""
        digests = []
        for images, index in self._colours:
            shown = np.unique(index)
            of_image = {
                number: hashlib.sha256(images.read(shown[row : row + 1]).tobytes()).digest()
                for row, number in enumerate(progress(shown.tolist(), "comparing images"))
            }
            digests.append([of_image[number] for number in index.tolist()])
        known: dict[tuple[bytes, ...], int] = {}
        return np.array(
            [known.setdefault(each, len(known)) for each in zip(*digests, strict=True)], np.int64
        )


def read_stimulus(
    file: Hdf5File, path: str, *, n_trials: int, index: np.ndarray | None
) -> Stimulus:
    """Finds images.

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


def _stack(file: Hdf5File, dataset: h5py.Dataset, path: str) -> StoredImages:
    """Returns images that are one dataset."""
    shape = file.shape(dataset, path)
    if len(shape) not in (3, 4) or 0 in shape:
        raise SensoriumError(
            f"{file.path}: {path} has shape {shape}, expected (images, height, width) or "
            "(images, height, width, channels)"
        )
    return StoredImages(file, dataset, shape, path)


def _separate(file: Hdf5File, order: h5py.Dataset | None, path: str) -> StoredImages:
    """Returns images that are a dataset each."""
    if order is None:
        raise SensoriumError(f"{file.path}: {path} has no order of its images")
    found = [file.refers_to(each) for each in file.references(order, path).ravel()]
    shapes = {file.shape(each, path) for each in found}
    if len(shapes) != 1 or any(len(shape) not in (2, 3) or 0 in shape for shape in shapes):
        raise SensoriumError(f"{file.path}: {path}: its images are not all of one size")
    images = StoredImages(file, found, (len(found), *shapes.pop()), path)
    # That much is written, if not held: no file becomes a recording many times its size.
    file.spend(math.prod(images.shape) * images.dtype.itemsize, path)
    return images
