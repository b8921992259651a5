"""The files of a recording, in a zip or in a folder, as NumPy arrays.

Nothing is unpacked to disk and nothing is executed: `.npy` bytes are parsed as data, and an array
of Python objects (which NumPy could only read by unpickling) is refused.
"""

import contextlib
import io
import lzma
import math
import re
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sensorium_tf.errors import SensoriumError

# No array of a recording comes near it (neuron statistics are kilobytes, a float64 image 0.3 MB):
# a larger one is a damaged directory entry or a zip made to fill the memory.
_LARGEST_ARRAY_BYTES = 1 << 30
_TIERS = "meta/trials/tiers.npy"
_BLOCK, _THREADS = 128, 4
_SMALLEST_FOR_THREADS = 1000


class Storage:
    """Named arrays below the top of a recording.

    Args:
      path: the recording's zip file or folder; names given to the methods are relative to the
        folder in it that holds `data` and `meta`.

    Raises:
      SensoriumError: if the path holds no recording.
    """

    def __init__(self, path: Path):
        self.path = path
        self._open_files = contextlib.ExitStack()
        self._zip = None
        if path.is_dir():
            names = [file.relative_to(path).as_posix() for file in path.rglob("*")]
        else:
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

    @property
    def top(self) -> str:
        """Name of the recording's top folder: inside a zip where it has one, else the path's."""
        parent = self._names[_TIERS].removesuffix(_TIERS).strip("/")
        stem = self.path.name if self.path.is_dir() else self.path.name.removesuffix(".zip")
        return parent.rsplit("/", 1)[-1] or stem

    def read(self, name: str) -> np.ndarray:
        """Returns one array.

        Raises:
          SensoriumError: if it is missing, damaged, not an array or an array of objects.
        """
        content = self._bytes(name)
        header = self._header(name, content)
        return _array(header, content).copy()

    def read_stack(self, names: list[str], shape: tuple[int, ...]) -> np.ndarray:
        """Returns many small arrays as one.

        Args:
          names: the arrays, one a row of the result.
          shape: shape of a row; axes of length one may stand elsewhere in the file.

        Returns:
          Array of shape `(len(names), *shape)`: uint8 if every array is, else float32.

        Raises:
          SensoriumError: if an array is missing, damaged, an array of objects, of other size or
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
        for row, name in zip(rows, names, strict=True):
            content = self._bytes(name)
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
            elif len(content) != header.offset + header.n_bytes:
                raise SensoriumError(f"{self.path}: {name} is cut short: download the file again")
            row[:] = _array(header, content).reshape(row.shape)
            # A value that is not finite makes the sum so: one pass without a mask in memory.
            if row.dtype != np.uint8:
                with np.errstate(invalid="ignore", over="ignore"):
                    total = row.sum()
                if not np.isfinite(total) and not np.isfinite(row).all():
                    raise SensoriumError(
                        f"{self.path}: {name} holds NaN or infinity: mend or leave out this trial"
                    )
        return True

    def _bytes(self, name: str) -> bytes:
        if name not in self._names:
            raise SensoriumError(
                f"{self.path}: {name} is missing: the recording is incomplete, download it again"
            )
        member = self._names[name]
        try:
            if self._zip is None:
                file = self.path / member
                # A device or a pipe would never end.
                if not file.is_file():
                    raise SensoriumError(f"{self.path}: {name} is not a file")
                self._check_size(name, file.stat().st_size)
                return file.read_bytes()
            info = self._zip.getinfo(member)
            self._check_size(name, info.file_size)
            return self._zip.read(info)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as e:
            raise SensoriumError(
                f"{self.path}: {name} cannot be read ({e}): the file is damaged, download it again"
            ) from e
        except OSError as e:
            raise SensoriumError(f"{self.path}: {name} cannot be read ({e})") from e

    def _check_size(self, name: str, n_bytes: int) -> None:
        if n_bytes > _LARGEST_ARRAY_BYTES:
            raise SensoriumError(
                f"{self.path}: {name} claims {n_bytes} bytes, more than any array of a recording: "
                "the file is damaged, download it again"
            )

    def _header(self, name: str, content: bytes) -> "_Header":
        try:
            header = _Header(content)
        except Exception as e:  # NumPy's header parser raises many kinds of error on garbage
            raise SensoriumError(f"{self.path}: {name} is not a NumPy array ({e})") from e
        if header.dtype.hasobject:
            raise SensoriumError(
                f"{self.path}: {name} holds pickled Python objects, which are never loaded: "
                "save it again as plain numbers or strings"
            )
        if header.offset + header.n_bytes != len(content):
            raise SensoriumError(
                f"{self.path}: {name} has {len(content) - header.offset} bytes of values, expected "
                f"{header.n_bytes}: the file is damaged, download it again"
            )
        return header


class _Header:
    """What the head of a `.npy` file says of the values behind it."""

    def __init__(self, content: bytes):
        stream = io.BytesIO(content)
        version = np.lib.format.read_magic(stream)
        parse = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if parse is None:
            raise ValueError(f"format version {version} is not known")
        self.shape, self.fortran_order, self.dtype = parse(stream)
        if self.dtype.subdtype or (not self.dtype.itemsize and not self.dtype.hasobject):
            raise ValueError(f"values of {self.dtype}")
        if not all(0 <= n <= _LARGEST_ARRAY_BYTES for n in self.shape):
            raise ValueError(f"shape {self.shape}")
        self.offset = stream.tell()
        self.n_bytes = self.dtype.itemsize * int(np.prod(self.shape, dtype=object))


def _array(header: _Header, content: bytes) -> np.ndarray:
    values = np.frombuffer(content, header.dtype, offset=header.offset)
    return values.reshape(header.shape, order="F" if header.fortran_order else "C")


def _fits(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Tells whether two shapes are the same but for axes of length one."""
    return [n for n in found if n != 1] == [n for n in expected if n != 1]


def _open_zip(path: Path, open_files: contextlib.ExitStack) -> zipfile.ZipFile:
    if not path.exists():
        raise SensoriumError(f"{path}: there is no such recording (a zip file or a folder)")
    try:
        # A file that ZipFile opens itself is closed by a count that threads could get wrong.
        archive = zipfile.ZipFile(open_files.enter_context(path.open("rb")))
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError) as e:
        open_files.close()
        raise SensoriumError(
            f"{path}: not a complete zip file ({e}): download it again, or give a folder"
        ) from e
    names = archive.namelist()
    if len(set(names)) < len(names):
        open_files.close()
        doubled = next(name for name in names if names.count(name) > 1)
        raise SensoriumError(f"{path}: holds {doubled} twice: do not use this file")
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
