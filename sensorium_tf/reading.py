"""Files that may hold anything, read without trust in what they declare.

Only regular files are opened, and no memory is reserved for a size that a file only claims.
"""

import json
import os
import stat
import sys
import zipfile
import zlib
from lzma import LZMAError
from typing import Any, BinaryIO

from sensorium_tf.errors import AccessError, SensoriumError, os_reason

#: What reading a damaged zip file or a member of it raises, OSError aside.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    OverflowError,
    RuntimeError,
    ValueError,
)
# Configurations and labels are kilobytes. Parsed, a byte of JSON takes up to 30 in memory.
_LARGEST_JSON_BYTES = 8 << 20
# A recording of 10,000 trials has 6 MB of it; each file that it lists takes a kilobyte in memory.
_LARGEST_DIRECTORY_BYTES = 16 << 20
# By other methods than deflate all compressed bytes that are read inflate at once; by bzip2 each
# 40 of them may become 46 MB.
_BLOCK_BYTES = 64


def open_regular(path: str | os.PathLike) -> BinaryIO:
    """Opens a regular file for reading, in binary.

    A pipe or a device, which might never end, is refused without waiting for it.

    Raises:
        FileNotFoundError: If there is no such file; its reader knows what the file is for.
        AccessError: If the system refuses to open it.
        SensoriumError: If it is no regular file.
    """
    try:
        file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 (the caller closes it)
    except FileNotFoundError:
        raise
    except IsADirectoryError as e:
        raise SensoriumError(f"{path}: is a folder, expected a file") from e
    except OSError as e:
        raise cannot_read(path, e) from e
    except ValueError as e:
        raise SensoriumError(f"{str(path)!r}: is not the name of a file ({e})") from e
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise SensoriumError(
            f"{path}: is a pipe or a device, expected a regular file: save its content to a file "
            "first"
        )
    return file


def _open_at_once(path: str, flags: int) -> int:
    # Else opening a pipe would wait for somebody to write to it.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def cannot_read(path: str | os.PathLike, error: OSError) -> AccessError:
    """Returns the error to raise where the system refuses to read a file."""
    return AccessError(f"{path}: cannot be read: {os_reason(error)}")


def read_json(path: str | os.PathLike, **options: Any) -> Any:
    """Returns the content of a small JSON file, such as a configuration or a label.

    Args:
        path: The file.
        **options: For `json.loads`.

    Raises:
        FileNotFoundError: If there is no such file.
        AccessError: If the system refuses to read it.
        SensoriumError: If it is no regular file.
        ValueError: If its content is too large or no JSON. RecursionError if it is nested too
            deeply.
    """
    with open_regular(path) as file:
        try:
            content = file.read(_LARGEST_JSON_BYTES + 1)
        except OSError as e:
            raise cannot_read(path, e) from e
    if len(content) > _LARGEST_JSON_BYTES:
        raise ValueError(f"more than {_LARGEST_JSON_BYTES >> 20} MiB of text")
    return json.loads(content.decode(), **options)


class _Guarded:
    """A file that refuses to read more at once than it may, or to go beyond its end."""

    def __init__(self, file: BinaryIO):
        self.at_most = _LARGEST_DIRECTORY_BYTES
        self._file, self._size = file, os.fstat(file.fileno()).st_size
        self.tell, self.seekable, self.name = file.tell, file.seekable, file.name

    def read(self, n_bytes: int = -1) -> bytes:
        if n_bytes > self.at_most:
            raise zipfile.BadZipFile(f"its directory claims {n_bytes} bytes")
        return self._file.read(n_bytes if n_bytes >= 0 else self.at_most)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        # The system would call it an invalid argument, as if the file could not be read.
        if whence == os.SEEK_SET and not 0 <= offset <= self._size:
            raise zipfile.BadZipFile("it points outside of itself")
        return self._file.seek(offset, whence)


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """Returns the zip archive in a file, which the caller closes.

    Raises:
        OSError: If the system refuses to read it.
        BadZipFile: If it is damaged, its directory is larger than one of a recording can be, or
            a name in it has a duplicate. Another of `ZIP_ERRORS` for other damage.
    """
    guarded = _Guarded(file)
    archive = zipfile.ZipFile(guarded)
    guarded.at_most = sys.maxsize
    seen = set()
    for name in archive.namelist():
        if name in seen:
            raise zipfile.BadZipFile(f"a duplicate of {name} in it")
        seen.add(name)
    return archive


def member_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo, at_most: int) -> bytes:
    """Returns a member of a zip archive, or its first `at_most` bytes if it is larger.

    Raises:
        OSError: If the system refuses to read it. One of `ZIP_ERRORS` if it is damaged.
    """
    n_bytes = min(info.file_size, at_most)
    with archive.open(info) as member:
        if info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            return member.read(n_bytes)
        member.MIN_READ_SIZE = _BLOCK_BYTES
        blocks, left = [], n_bytes
        while left and (block := member.read(min(left, _BLOCK_BYTES))):
            blocks.append(block)
            left -= len(block)
        return b"".join(blocks)


def check_inflation(archive: zipfile.ZipFile, *, largest: int) -> None:
    """Raises BadZipFile if the members of a zip archive inflate to more than they should.

    Args:
        archive: The archive.
        largest: Number of bytes that all members together may have.
    """
    total = sum(info.file_size for info in archive.infolist())
    if total > largest:
        raise zipfile.BadZipFile(f"its members claim {total} bytes, expected at most {largest}")
