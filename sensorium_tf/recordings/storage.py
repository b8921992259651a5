"""The files of a recording, in a zip or in a folder, as NumPy arrays.

Nothing is unpacked to disk and nothing is executed: `.npy` bytes are parsed as data, and an array
of Python objects (which NumPy could only read by unpickling) is refused.
"""

import contextlib
import math
import os
import re
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sensorium_tf.arrays import HEADER_BYTES, ArrayHeader
from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.reading import ZIP_ERRORS, cannot_read, member_bytes, open_regular, open_zip

# No array of a recording's metadata comes near it: those of 10,000 neurons are 0.3 MB.
_LARGEST_METADATA_BYTES = 64 << 20
# An id or a name takes a tenth of it.
_LARGEST_ITEM_BYTES = 1024
_LARGEST_NUMBER_BYTES = 16
_TIERS = "meta/trials/tiers.npy"
_BLOCK, _THREADS = 128, 4
_SMALLEST_FOR_THREADS = 1000


class Storage:
    """Named arrays below the top of a recording.

    Args:
        path: The recording's zip file or folder; names given to the methods are relative to the
            folder in it that holds `data` and `meta`.

    Raises:
        SensoriumError: If the path holds no recording.
    """

    def __init__(self, path: Path):
        self.path = path
        self._open_files = contextlib.ExitStack()
        self._zip = None
        names = _names_in_folder(path)
        if names is None:
            self._zip = _open_zip(path, self._open_files)
            names = self._zip.namelist()
        self._names = _below_top(path, names)

    def close(self) -> None:
        """Closes the zip file."""
        self._open_files.close()

    def names(self, folder: str) -> list[str]:
        """Returns the names of the arrays in a folder such as `meta/neurons`, sorted."""
        pattern = re.compile(re.escape(folder) + r"/[^/]+\.npy")
        return sorted(name for name in self._names if pattern.fullmatch(name))

    def folders(self, folder: str) -> list[str]:
        """Returns the names of the folders in a folder such as `data` that hold files, sorted."""
        pattern = re.compile(re.escape(folder) + r"/([^/]+)/[^/]+")
        return sorted({match[1] for name in self._names if (match := pattern.fullmatch(name))})

    @property
    def top(self) -> str:
        """Name of the recording's top folder: inside a zip where it has one, else the path's."""
        parent = self._names[_TIERS].removesuffix(_TIERS).strip("/")
        stem = self.path.name if self.path.is_dir() else self.path.name.removesuffix(".zip")
        return parent.rsplit("/", 1)[-1] or stem

    def header(self, name: str) -> ArrayHeader:
        """Returns what an array is like; its values are not read.

        Raises:
            SensoriumError: If it is missing, damaged, not an array or an array of objects.
        """
        content, size = self._content(name, HEADER_BYTES)
        header = self._header(name, content)
        self._check_size(name, header, size)
        return header

    def read(
        self, name: str, *, fits: Callable[[tuple[int, ...]], bool], expected: str
    ) -> np.ndarray:
        """Returns one array of metadata.

        Args:
            name: Of the array.
            fits: Tells whether the array may have a shape; asked before any value is read.
            expected: Such a shape in words.

        Raises:
            SensoriumError: If it is missing, damaged, not an array, an array of objects, of another
                shape or larger than any metadata.
        """
        content, size = self._content(name, HEADER_BYTES)
        header = self._header(name, content)
        if not fits(header.shape):
            raise SensoriumError(
                f"{self.path}: {name} has shape {header.shape}, expected {expected}"
            )
        if header.dtype.itemsize > _LARGEST_ITEM_BYTES:
            raise SensoriumError(
                f"{self.path}: {name} holds values of {header.dtype.itemsize} bytes each, expected "
                f"numbers or texts of at most {_LARGEST_ITEM_BYTES} bytes"
            )
        if header.n_bytes > _LARGEST_METADATA_BYTES:
            raise SensoriumError(
                f"{self.path}: {name} claims {header.n_bytes} bytes, more than any metadata of a "
                "recording: the file is damaged, download it again"
            )
        self._check_size(name, header, size)
        if size > len(content):
            content, _ = self._content(name, size)
        return header.values(content).copy()

    def read_stack(self, names: list[str], shape: tuple[int, ...]) -> np.ndarray:
        """Returns many small arrays as one.

        Args:
            names: The arrays, one a row of the result.
            shape: Shape of a row; axes of length one may stand elsewhere in the file.

        Returns:
            Array of shape `(len(names), *shape)`: uint8 if every array is, else float32.

        Raises:
            SensoriumError: If an array is missing, damaged, an array of objects, of other size or
                not finite.
        """
        blocks = [names[i : i + _BLOCK] for i in range(0, len(names), _BLOCK)]
        for dtype in (np.uint8, np.float32):
            stack = np.empty((len(names), *shape), dtype)
            rows = [stack[i : i + _BLOCK] for i in range(0, len(names), _BLOCK)]
            # Inflating a member lets other threads run; with small ones they only get in the way.
            small = math.prod(shape) < _SMALLEST_FOR_THREADS
            with ThreadPoolExecutor(1 if small else _THREADS) as pool:
                if all(pool.map(self._fill, rows, blocks)):
                    break
        return stack

    def _fill(self, rows: np.ndarray, names: list[str]) -> bool:
        """Reads arrays into the rows of a stack; tells whether the stack's dtype can hold them."""
        header, prefix = None, None
        at_most = HEADER_BYTES + _LARGEST_NUMBER_BYTES * math.prod(rows.shape[1:])
        for row, name in zip(rows, names, strict=True):
            content, size = self._content(name, at_most)
            # The arrays of one signal nearly always share their header: parse it once.
            if prefix is None or not content.startswith(prefix):
                header = self._header(name, content)
                prefix = content[: header.offset]
                if not _fits(header.shape, row.shape):
                    raise SensoriumError(
                        f"{self.path}: {name} has shape {header.shape}, expected {row.shape}"
                    )
                if header.dtype.kind not in "biuf":
                    raise SensoriumError(
                        f"{self.path}: {name} holds {header.dtype} values, expected numbers"
                    )
                if row.dtype == np.uint8 and header.dtype != np.uint8:
                    return False
            self._check_size(name, header, size)
            row[:] = header.values(content).reshape(row.shape)
            # A value that is not finite makes the sum so: one pass without a mask in memory.
            if row.dtype != np.uint8:
                with np.errstate(invalid="ignore", over="ignore"):
                    total = row.sum()
                if not np.isfinite(total) and not np.isfinite(row).all():
                    raise SensoriumError(
                        f"{self.path}: {name} holds NaN or infinity: mend or leave out this trial"
                    )
        return True

    def _content(self, name: str, at_most: int) -> tuple[bytes, int]:
        """Returns the first bytes of a file, and how many it has in all."""
        if name not in self._names:
            raise SensoriumError(
                f"{self.path}: {name} is missing: the recording is incomplete, download it again"
            )
        member = self._names[name]
        try:
            if self._zip is not None:
                info = self._zip.getinfo(member)
                return member_bytes(self._zip, info, at_most), info.file_size
            with open_regular(self.path / member) as file:
                size = os.fstat(file.fileno()).st_size
                return file.read(min(size, at_most)), size
        except SensoriumError:
            raise
        except OSError as e:
            raise cannot_read(f"{self.path}: {name}", e) from e
        except ZIP_ERRORS as e:
            raise SensoriumError(
                f"{self.path}: {name} cannot be read ({one_line(e)}): the file is damaged, "
                "download it again"
            ) from e

    def _header(self, name: str, content: bytes) -> ArrayHeader:
        try:
            header = ArrayHeader(content)
        except ValueError as e:
            raise SensoriumError(f"{self.path}: {name} is not a NumPy array ({e})") from e
        if header.dtype.hasobject:
            raise SensoriumError(
                f"{self.path}: {name} holds pickled Python objects, which are never loaded: "
                "save it again as plain numbers or strings"
            )
        return header

    def _check_size(self, name: str, header: ArrayHeader, size: int) -> None:
        if header.offset + header.n_bytes != size:
            raise SensoriumError(
                f"{self.path}: {name} has {size - header.offset} bytes of values, expected "
                f"{header.n_bytes}: the file is damaged, download it again"
            )


def _fits(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Tells whether two shapes are the same but for axes of length one."""
    return [n for n in found if n != 1] == [n for n in expected if n != 1]


def _names_in_folder(path: Path) -> list[str] | None:
    """Returns the names of all that is in a folder; None if the path is none."""

    def refuse(error: OSError) -> None:
        raise error

    try:
        if not path.is_dir():
            return None
        return [
            (Path(folder) / name).relative_to(path).as_posix()
            for folder, folders, files in os.walk(path, onerror=refuse)
            for name in folders + files
        ]
    except OSError as e:
        raise cannot_read(e.filename or path, e) from e


def _open_zip(path: Path, open_files: contextlib.ExitStack) -> zipfile.ZipFile:
    try:
        # A file that ZipFile opens itself is closed by a count that threads could get wrong.
        archive = open_zip(open_files.enter_context(open_regular(path)))
    except FileNotFoundError as e:
        raise SensoriumError(f"{path}: there is no such recording (a zip file or a folder)") from e
    except SensoriumError:
        raise
    except OSError as e:
        open_files.close()
        raise cannot_read(path, e) from e
    except ZIP_ERRORS as e:
        open_files.close()
        raise SensoriumError(
            f"{path}: not a complete zip file ({one_line(e)}): download it again, or give a folder"
        ) from e
    names = archive.namelist()
    for name in names:
        if name.startswith(("/", "\\")) or ":" in name or ".." in re.split(r"[/\\]", name):
            open_files.close()
            raise SensoriumError(
                f"{path}: {name!r} in it points outside of the recording: do not use this file"
            )
    return archive


def _below_top(path: Path, names: list[str]) -> dict[str, str]:
    """Returns the names below the folder that holds `data` and `meta`, with their full names."""
    tops = {name.removesuffix(_TIERS) for name in names if f"/{name}".endswith(f"/{_TIERS}")}
    tops = sorted(top for top in tops if top.count("/") <= 1)
    if not tops:
        raise SensoriumError(
            f"{path}: no {_TIERS} in it: not a recording in the published file tree"
        )
    if len(tops) > 1:
        raise SensoriumError(f"{path}: holds several recordings ({', '.join(tops)}): give one")
    return {name.removeprefix(tops[0]): name for name in names if name.startswith(tops[0])}
