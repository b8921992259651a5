"""NumPy's `.npy` and `.npz` files, read as data: the header first, then values that fit it.

Unlike NumPy's own reader, nothing is evaluated, unpickled or reserved for a size that a header
only claims.
"""

import contextlib
import math
import os
import re
import zipfile
from collections.abc import Iterator

import numpy as np

from sensorium_tf.reading import check_inflation, member_bytes, open_regular, open_zip

#: A header is at most so long, in bytes.
HEADER_BYTES = 10_012
_MOST_AXES = 32
_MAGIC = b"\x93NUMPY"
_DESCR = re.compile(rb"'descr': *'([<>|=]?[?biufcSUVOMm]\d{0,9}(?:\[\w{1,9}\])?)'")
_ORDER = re.compile(rb"'fortran_order': *(True|False)")
_SHAPE = re.compile(rb"'shape': *\(((?: *\d{1,18}L? *,)*(?: *\d{1,18}L?)?) *\)")


class ArrayHeader:
    """What the head of a `.npy` file says of the values behind it.

    Args:
        content: The file, or at least its first `HEADER_BYTES`.

    Attributes:
        shape: Of the array.
        dtype: Of the array.
        fortran_order: Whether the first axis varies fastest.
        offset: Where the values begin.
        n_bytes: Bytes of the values.

    Raises:
        ValueError: If it is no header of plain numbers, texts or objects.
    """

    def __init__(self, content: bytes):
        if not content.startswith(_MAGIC):
            raise ValueError(f"it does not begin as one: {content[:6]!r}")
        major, minor = content[6:8].ljust(2, b"\0")
        if (major, minor) not in ((1, 0), (2, 0), (3, 0)):
            raise ValueError(f"format version {major}.{minor} is not known")
        width = 2 if major == 1 else 4
        start = 8 + width
        self.offset = start + int.from_bytes(content[8:start], "little")
        if self.offset > HEADER_BYTES:
            raise ValueError(f"a header of {self.offset - start} bytes")
        header = content[start : self.offset]
        parts = [pattern.findall(header) for pattern in (_DESCR, _ORDER, _SHAPE)]
        if any(len(part) != 1 for part in parts) or len(content) < self.offset:
            raise ValueError(f"its header is {header[:60]!r}")
        (descr,), (order,), (shape,) = parts
        self.shape = tuple(int(n.strip(b" L")) for n in shape.split(b",") if n.strip())
        self.fortran_order = order == b"True"
        if len(self.shape) > _MOST_AXES:
            raise ValueError(f"{len(self.shape)} axes")
        try:
            self.dtype = np.dtype(descr.decode())
        except TypeError as e:
            raise ValueError(f"values of {descr.decode()}") from e
        if not self.dtype.itemsize:
            raise ValueError(f"values of {self.dtype}")
        self.n_bytes = self.dtype.itemsize * math.prod(self.shape)

    def values(self, content: bytes) -> np.ndarray:
        """Returns the values of the file with this content, which cannot be written to."""
        values = np.frombuffer(content, self.dtype, offset=self.offset)
        return values.reshape(self.shape, order="F" if self.fortran_order else "C")


class Arrays:
    """The arrays of an `.npz` file: what they are like at once, their values when asked for.

    Args:
        archive: The file.

    Attributes:
        headers: Name of each array to its header.

    Raises:
        ValueError: If a member is no array, or one of Python objects.
    """

    def __init__(self, archive: zipfile.ZipFile):
        self._archive = archive
        self.headers = {
            info.filename.removesuffix(".npy"): self._header(info) for info in archive.infolist()
        }

    def read(self, name: str) -> np.ndarray:
        """Returns the values of an array, which cannot be written to.

        Raises:
            KeyError: If there is no such array.
        """
        header = self.headers[name]
        info = self._archive.getinfo(f"{name}.npy")
        return header.values(member_bytes(self._archive, info, info.file_size))

    def _header(self, info: zipfile.ZipInfo) -> ArrayHeader:
        try:
            header = ArrayHeader(member_bytes(self._archive, info, HEADER_BYTES))
        except ValueError as e:
            raise ValueError(f"{info.filename} is not a NumPy array: {e}") from e
        if header.dtype.hasobject:
            raise ValueError(f"{info.filename} holds Python objects, which are never loaded")
        if header.offset + header.n_bytes != info.file_size:
            raise ValueError(f"{info.filename} does not hold the {header.n_bytes} bytes it claims")
        return header


@contextlib.contextmanager
def open_arrays(path: str | os.PathLike, *, expansion: int) -> Iterator[Arrays]:
    """Opens an `.npz` file.

    Args:
        path: The file.
        expansion: How many times larger than the file all its arrays together may be.

    Yields:
        Its arrays.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If the system refuses to read it.
        SensoriumError: If it is no regular file.
        ValueError: If it holds other things than arrays. Many kinds of error for other damage, as
            from reading an array, which `reading` guards.
    """
    with open_regular(path) as file:
        archive = open_zip(file)
        check_inflation(archive, largest=expansion * os.fstat(file.fileno()).st_size)
        yield Arrays(archive)
