"""The HDF5 file behind an NWB file, read as data: no links out of it, nothing larger than it is."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from sensorium_tf.config import hint
from sensorium_tf.errors import SensoriumError, is_access_error, one_line, shown
from sensorium_tf.reading import cannot_read, open_regular

# All that is read of a file together: so many bytes, or so many times its size if that is more.
_LEAST_BYTES, _EXPANSION = 256 << 20, 256
# Deflate, the densest of the usual filters, comes to 1032.
_DENSEST = 1100
_MOST_AXES = 5
_MOST_LINKS = 16
_LARGEST_TEXT_BYTES = 64 << 20
# What h5py raises on files that are damaged, OSError without a number among it.
_ERRORS = (OSError, KeyError, RuntimeError, TypeError, ValueError, OverflowError, MemoryError)

Node = h5py.Group | h5py.Dataset


class Hdf5File:
    """An HDF5 file whose objects are found by path.

    Args:
        path: The file.

    Attributes:
        path: The file.

    Raises:
        SensoriumError: If there is no such file, or it is no HDF5 file.
    """

    def __init__(self, path: Path):
        self.path = path
        try:
            with open_regular(path) as file:
                self._left = max(_LEAST_BYTES, _EXPANSION * os.fstat(file.fileno()).st_size)
        except FileNotFoundError as e:
            raise SensoriumError(f"{path}: there is no such NWB file") from e
        with self._guard(""):
            self._file = h5py.File(path, "r", locking="best-effort")

    def __enter__(self) -> "Hdf5File":
        return self

    def __exit__(self, *_) -> None:
        self._file.close()

    def find(self, name: str) -> Node:
        """Returns the group or dataset of a path such as `intervals/trials`.

        Links within the file are followed.

        Raises:
            SensoriumError: If there is none, or the way leads out of the file.
        """
        node = self.get(name)
        if node is None:
            raise SensoriumError(f"{self.path}: {shown(name, most=80)}: {self._what_is_near(name)}")
        return node

    def get(self, name: str, start: h5py.Group | None = None) -> Node | None:
        """Returns the group or dataset of a path, None if there is none.

        Args:
            name: The path.
            start: Where it begins; the file's top if left out.

        Raises:
            SensoriumError: If the way leads out of the file.
        """
        with self._guard(name):
            return self._walk(name, self._file if start is None else start)

    def refers_to(self, reference: h5py.Reference) -> Node:
        """Returns the group or dataset that a reference in the file points to."""
        with self._guard("a reference in it"):
            return self._file[reference]

    def children(self, group: h5py.Group) -> list[str]:
        """Returns the names of what is in a group, sorted.

        Raises:
            SensoriumError: If it is no group.
        """
        if not isinstance(group, h5py.Group):
            raise SensoriumError(f"{self.path}: {group.name} is a dataset, expected a group")
        with self._guard(group.name):
            return sorted(group)

    def attribute(self, node: Node, name: str) -> object:
        """Returns an attribute, None if there is none."""
        with self._guard(f"{node.name}"):
            return node.attrs.get(name)

    def shape(self, node: Node, name: str) -> tuple[int, ...]:
        """Returns the shape of a dataset.

        Args:
            node: What was found.
            name: Of it, for messages.

        Raises:
            SensoriumError: If it is none, or keeps its values in another file.
        """
        if not isinstance(node, h5py.Dataset):
            raise SensoriumError(f"{self.path}: {name} is a group, expected a dataset")
        with self._guard(name):
            if node.is_virtual or node.external:
                raise SensoriumError(f"{self.path}: {name} keeps its values in another file")
            if node.shape is None or len(node.shape) > _MOST_AXES:
                raise SensoriumError(f"{self.path}: {name} is no array of numbers or text")
            return node.shape

    def spend(self, n_bytes: int, name: str) -> None:
        """Counts memory that is about to be taken.

        Args:
            n_bytes: How much.
            name: What for, for messages.

        Raises:
            SensoriumError: If all together is more than a file of this size holds.
        """
        self._left -= n_bytes
        if self._left < 0:
            raise SensoriumError(
                f"{self.path}: {name} takes {n_bytes} bytes, too many for a file of this size"
            )

    def read(self, node: Node, name: str) -> np.ndarray:
        """Returns the values of a dataset: numbers, or text as strings.

        Args:
            node: What was found.
            name: Of it, for messages.

        Raises:
            SensoriumError: If it holds anything else, more than the file can hold, or is damaged.
        """
        shape = self.shape(node, name)
        with self._guard(name):
            text = h5py.check_string_dtype(node.dtype)
            if text is None and node.dtype.kind not in "biufS":
                raise SensoriumError(
                    f"{self.path}: {name} holds {node.dtype} values, expected numbers or text"
                )
            self._check_size(node, name)
            if text is None:
                return node[()]
            return self._text(node, name, math.prod(shape)).reshape(shape)

    def blocks(
        self, node: Node, name: str, rows: Sequence[slice | np.ndarray]
    ) -> Iterator[np.ndarray]:
        """Yields blocks of rows of a dataset of numbers, one after another.

        Args:
            node: What was found.
            name: Of it, for messages.
            rows: Those of each block: slices, or ascending indexes.

        Raises:
            SensoriumError: If it holds anything else, more than the file can hold, or is damaged.
        """
        n_rows, *row = self.shape(node, name)
        with self._guard(name):
            if node.dtype.kind not in "biuf":
                raise SensoriumError(
                    f"{self.path}: {name} holds {node.dtype} values, expected numbers"
                )
            sizes = [
                len(range(n_rows)[each]) if isinstance(each, slice) else len(each) for each in rows
            ]
            longest = max(sizes, default=0) * math.prod(row) * node.dtype.itemsize
            taken = self._check_size(node, name, longest)
        try:
            for each in rows:
                with self._guard(name):
                    block = node[each]
                yield block
        finally:
            self._left += taken  # what was read is not kept here

    def references(self, node: Node, name: str) -> np.ndarray:
        """Returns the object references that a dataset holds.

        Args:
            node: What was found.
            name: Of it, for messages.

        Raises:
            SensoriumError: If it holds anything else.
        """
        self.shape(node, name)
        with self._guard(name):
            if h5py.check_ref_dtype(node.dtype) is not h5py.Reference:
                raise SensoriumError(f"{self.path}: {name} holds no references to objects")
            self._check_size(node, name)
            return node[()]

    def _walk(self, name: str, node: h5py.Group) -> Node | None:
        parts = [part for part in reversed(name.split("/")) if part]
        n_links = 0
        while parts:
            part = parts.pop()
            if not isinstance(node, h5py.Group):
                return None
            link = node.get(part, getlink=True)
            if isinstance(link, h5py.HardLink):
                node = node[part]
            elif isinstance(link, h5py.SoftLink):
                n_links += 1
                if n_links > _MOST_LINKS:
                    raise SensoriumError(f"{self.path}: {name} is a link that leads nowhere")
                parts += [each for each in reversed(link.path.split("/")) if each]
                node = self._file if link.path.startswith("/") else node
            elif link is None:
                return None
            else:
                raise SensoriumError(
                    f"{self.path}: {name} is a link to another file, which is not followed: copy "
                    "what it points to into this one"
                )
        return node

    def _check_size(self, dataset: h5py.Dataset, name: str, at_once: int | None = None) -> int:
        """Counts, and returns, the bytes of a dataset, or those that are read of it at once."""
        itemsize = dataset.dtype.itemsize
        n_bytes, stored = math.prod(dataset.shape) * itemsize, dataset.id.get_storage_size()
        if n_bytes > _DENSEST * stored:
            raise SensoriumError(
                f"{self.path}: {name} claims {n_bytes} bytes and holds {stored}: it was never "
                "written, or is damaged"
            )
        # A part of a chunk cannot be read without the rest of it.
        chunk = math.prod(dataset.chunks) * itemsize if dataset.chunks else 0
        self.spend(taken := max(n_bytes if at_once is None else at_once, chunk), name)
        return taken

    def _text(self, dataset: h5py.Dataset, name: str, n_texts: int) -> np.ndarray:
        """Returns texts, read one by one: only reading tells how long one is."""
        texts, left = [], _LARGEST_TEXT_BYTES
        for index in np.ndindex(dataset.shape):
            text = dataset[index]
            left -= len(text)
            if left < 0:
                raise SensoriumError(f"{self.path}: {name} holds more text than any metadata")
            texts.append(text.decode() if isinstance(text, bytes) else str(text))
        widest = max(map(len, texts), default=0)
        # As an array all of them are as long as the longest.
        if 4 * widest * n_texts > _LARGEST_TEXT_BYTES:
            raise SensoriumError(
                f"{self.path}: {name} holds a text of {widest} characters, expected ids or names"
            )
        return np.array(texts, dtype=f"U{max(widest, 1)}")

    def _what_is_near(self, name: str) -> str:
        """Returns what to say of a path that leads nowhere."""
        parts = [part for part in name.split("/") if part]
        while parts and self.get("/".join(parts[:-1])) is None:
            parts.pop()
        above = "/".join(parts[:-1])
        group = self._file if not above else self.get(above)
        if not parts or not isinstance(group, h5py.Group):
            return f"there is no such object, {above} is a dataset"
        there = self.children(group)
        some = ", ".join(shown(each) for each in there[:8]) + (" ..." if len(there) > 8 else "")
        meant = hint(parts[-1], there, "")
        holds = f"{above or 'the file'} holds {some or 'nothing'}"
        return f"there is no such object: {meant or holds}"

    @contextlib.contextmanager
    def _guard(self, name: str) -> Iterator[None]:
        """Turns what h5py raises on a damaged file into one line."""
        try:
            yield
        except SensoriumError:
            raise
        except _ERRORS as e:
            if is_access_error(e):
                raise cannot_read(self.path, e) from e
            what = f" {shown(name, most=80)}" if name else ""
            raise SensoriumError(
                f"{self.path}:{what} cannot be read ({one_line(e)[:150]}): not an NWB file, or a "
                "damaged one"
            ) from e
