"""The files of a recording, in a zip or in a folder, as NumPy arrays.

Nothing is unpacked to disk and nothing is executed: `.npy` bytes are parsed as data, and an array
of Python objects (which NumPy could only read by unpickling) is refused.
"""

import contextlib
import math
import os
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sensorium_tf.arrays import HEADER_BYTES, ArrayHeader
from sensorium_tf.errors import SensoriumError, shown
from sensorium_tf.reading import ZIP, member_bytes, open_regular, open_zip, reading
from sensorium_tf.recordings.tree import (
    CONFIG,
    aliased,
    below_top,
    names_in_folder,
    names_in_zip,
    read_aliases,
    with_sound_names,
)

# No array of a recording's metadata comes near it: those of 10,000 neurons are 0.3 MB.
_LARGEST_METADATA_BYTES = 64 << 20
# An id or a name takes a tenth of it.
_LARGEST_ITEM_BYTES = 1024
_LARGEST_NUMBER_BYTES = 16
_LARGEST_CONFIG_BYTES = 1 << 20
_BLOCK, _THREADS = 128, 4
_SMALLEST_FOR_THREADS = 1000


class Storage:
    """Named arrays below the top of a recording.

    Args:
        path: The recording's zip file or folder; names given to the methods are relative to the
            folder in it that holds `data` and `meta`.
        folders: Those under `data` of the signals that are known.
        is_published: Tells by the name of a recording whether it can be downloaded again.
        warn: What says a warning.

    Attributes:
        top: Name of the recording's top folder: inside a zip where it has one, else the path's.
        warn: Says a warning.
        remedy: What its owner can do if it is damaged or incomplete.

    Raises:
        SensoriumError: If the path holds no recording.
    """

    def __init__(
        self,
        path: Path,
        *,
        folders: Sequence[str],
        is_published: Callable[[str], bool],
        warn: Callable[[str], None],
    ):
        self.path = path
        self.warn = warn
        self.top = path.name.removesuffix(".zip")
        self.remedy = _remedy(is_published(self.top))
        self._zip = None
        with contextlib.ExitStack() as open_files:
            names = names_in_folder(path)
            if names is None:
                self._zip = _open_zip(path, open_files, self.remedy)
                members = names_in_zip(path, self._zip)
                top, below = below_top(path, members)
                below = {name: members[whole] for name, whole in below.items()}
            else:
                top, below = below_top(path, names)
            if top or names is not None:
                self.top = top.strip("/").rsplit("/", 1)[-1] or path.name
                self.remedy = _remedy(is_published(self.top))
            self._names = below = with_sound_names(below, warn)
            self._names = aliased(below, self._aliases(), folders, warn)
            self._in_folders: dict[str, list[str]] = {}
            for name in sorted(self._names):
                self._in_folders.setdefault(name.rpartition("/")[0], []).append(name)
            self._open_files = open_files.pop_all()

    def close(self) -> None:
        """Closes the zip file."""
        self._open_files.close()

    def names(self, folder: str) -> list[str]:
        """Returns the names of the arrays in a folder such as `meta/neurons`, sorted."""
        return [name for name in self._in_folders.get(folder, ()) if name.endswith(".npy")]

    def folders(self, folder: str) -> list[str]:
        """Returns the names of the folders in a folder such as `data` that hold files, sorted."""
        prefix = f"{folder}/"
        return sorted(
            each.removeprefix(prefix)
            for each in self._in_folders
            if each.startswith(prefix) and "/" not in each.removeprefix(prefix)
        )

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
                f"recording: the file is damaged, {self.remedy}"
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
                        f"{self.path}: {name} has shape {header.shape}, expected {row.shape} as "
                        "meta/neurons or the other trials have it: mend whichever is wrong"
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
                        f"{self.path}: {name} holds NaN or infinity: mend it, or "
                        "take the files of this trial out of every folder under data"
                    )
        return True

    def _content(self, name: str, at_most: int) -> tuple[bytes, int]:
        """Returns the first bytes of a file, and how many it has in all."""
        if name not in self._names:
            raise SensoriumError(
                f"{self.path}: {name} is missing: the recording is incomplete, {self.remedy}"
            )
        member = self._names[name]
        damaged = f"the file is damaged, {self.remedy}"
        try:
            with reading(self.path, "cannot be read", part=name, remedy=damaged, begins=ZIP):
                if self._zip is not None:
                    info = self._zip.getinfo(member)
                    return member_bytes(self._zip, info, at_most), info.file_size
                with open_regular(self.path / member) as file:
                    size = os.fstat(file.fileno()).st_size
                    return file.read(min(size, at_most)), size
        except FileNotFoundError as e:
            gone = self._no_file(self.path / member)
            raise SensoriumError(f"{self.path}: {name} {gone}") from e

    def _header(self, name: str, content: bytes) -> ArrayHeader:
        with reading(self.path, "is not a NumPy array", part=name, begins=ZIP):
            header = ArrayHeader(content)
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
                f"{header.n_bytes}: the file is damaged, {self.remedy}"
            )

    def _no_file(self, file: Path) -> str:
        """Returns what to say where a file that was listed is not there."""
        if not file.is_symlink():
            return "has gone meanwhile"
        target = shown(file.readlink(), most=200)
        return (
            f"is a link to {target}, which is not here: get the content, as with git annex get, or "
            "copy the files themselves"
        )

    def _aliases(self) -> dict[str, str]:
        """Returns which folders of signals go by other names, as `config.json` says."""
        if CONFIG not in self._names:
            return {}
        try:
            content, _ = self._content(CONFIG, _LARGEST_CONFIG_BYTES)
            with reading(self.path, "cannot be understood", part=CONFIG, begins=ZIP):
                return read_aliases(content)
        except SensoriumError as e:
            self.warn(f"{e}: left out")
            return {}


def _fits(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Tells whether two shapes are the same but for axes of length one."""
    return [n for n in found if n != 1] == [n for n in expected if n != 1]


def _remedy(published: bool) -> str:
    return "download it again" if published else "copy or export it again"


def _open_zip(path: Path, open_files: contextlib.ExitStack, remedy: str) -> zipfile.ZipFile:
    with reading(
        path,
        "not a complete zip file",
        remedy=f"{remedy}, or give a folder",
        missing="there is no such recording (a zip file or a folder)",
        begins=ZIP,
    ):
        # A file that ZipFile opens itself is closed by a count that threads could get wrong.
        return open_zip(open_files.enter_context(open_regular(path)))
