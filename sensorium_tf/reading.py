"""Files that may hold anything, read without trust in what they declare.

Only regular files are opened, and no memory is reserved for a size that a file only claims.
"""

import contextlib
import json
import os
import stat
import sys
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from sensorium_tf.errors import (
    AccessError,
    SensoriumError,
    is_access_error,
    one_line,
    os_reason,
)

# What the largest recordings need: of a neuron, 150 bytes and 10 values of metadata are there.
# Parsed, a value takes up to 80 bytes.
_LARGEST_JSON_BYTES, _MOST_JSON_VALUES = 64 << 20, 4_000_000
# A recording of 10,000 trials has 6 MB of it; each file that it lists takes a kilobyte in memory.
_LARGEST_DIRECTORY_BYTES = 16 << 20
# By other methods than deflate all compressed bytes that are read inflate at once; by bzip2 each
# 40 of them may become 46 MB.
_BLOCK_BYTES = 64
_LONGEST_REASON = 120
#: What a zip file begins with.
ZIP = b"PK\3\4"
# What is given in place of a file of some format, by its first bytes.
_KINDS = (
    (ZIP, "is a zip file or a spreadsheet in its own format: unpack it, or save it as CSV"),
    (b"\x1f\x8b", "is a gzip file, perhaps of a tar archive: unpack it"),
    (
        b"\x89HDF\r\n\x1a\n",
        "is an HDF5 file (as NWB, MATLAB and early Keras write it): import_nwb.py reads NWB",
    ),
    (b"PAR1", "is a parquet file, as those of movies are: did you mean --challenge=sensorium2023?"),
    (b"\xff\xfe", "is text in UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "is text in UTF-16: save it as UTF-8"),
    (b"/annex/objects/", "is git-annex's note in place of the file: run git annex get"),
    (b"version https://git-lfs", "is Git LFS's note in place of the file: run git lfs pull"),
)
_START_BYTES = max(len(start) for start, _ in _KINDS)


@contextlib.contextmanager
def reading(
    path: str | os.PathLike,
    wrong: str,
    *,
    part: str = "",
    remedy: str = "",
    missing: str | None = None,
    begins: bytes = b"",
) -> Iterator[None]:
    """Guards what parses a file: whatever its content leads to becomes one clear line.

    Damaged content makes parsers raise errors of nearly every kind, with texts that go on for
    paragraphs, hold the content itself or advise to trust it.

    Args:
        path: The file.
        wrong: What to say of content that cannot be used, such as `not a model file`.
        part: Name of what is read in the file, if that is not all of it.
        remedy: What to do about it.
        missing: What to say where there is no such file; if left out that is left to the caller.
        begins: What files of the right kind begin with, if they all do.

    Raises:
        AccessError: Inside, if the system refuses to read, or has too little memory.
        FileNotFoundError: Inside, if there is no such file and `missing` is left out.
        SensoriumError: Inside, in place of every other error, with what the file is if its first
            bytes tell that it is of another kind. One that is raised inside stays as it is.
    """
    where = f"{path}: {part} " if part else f"{path}: "
    try:
        yield
    except SensoriumError:
        raise
    except FileNotFoundError as e:
        if missing is None:
            raise
        raise SensoriumError(f"{where}{missing}") from e
    except MemoryError as e:
        raise AccessError(f"{where}cannot be read: it takes more memory than there is") from e
    except Exception as e:
        if is_access_error(e):
            raise cannot_read(f"{path}: {part}" if part else path, e) from e
        if kind := _other_kind(path, begins):
            raise SensoriumError(f"{where}{wrong}: it {kind}") from e
        end = f": {remedy}" if remedy else ""
        why = one_line(e, most=_LONGEST_REASON)
        if isinstance(e, KeyError):
            why += " is missing"
        raise SensoriumError(f"{where}{wrong} ({why}){end}") from e


def _other_kind(path: str | os.PathLike, begins: bytes) -> str | None:
    """Returns what a file is by its first bytes; None if it is of the kind, or not known."""
    try:
        with open_regular(path) as file:
            start = file.read(_START_BYTES)
    except (OSError, SensoriumError):
        return None
    if begins and start.startswith(begins):
        return None
    return next((kind for magic, kind in _KINDS if start.startswith(magic)), None)


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
    """Returns the content of a JSON file, such as a configuration or a label.

    Args:
        path: The file.
        **options: For `json.loads`.

    Raises:
        FileNotFoundError: If there is no such file.
        AccessError: If the system refuses to read it.
        SensoriumError: If it is no regular file.
        ValueError: If its content is too large or no JSON. RecursionError if it is nested too
            deeply. Both are what `reading` guards.
    """
    with open_regular(path) as file:
        try:
            content = file.read(_LARGEST_JSON_BYTES + 1)
        except OSError as e:
            raise cannot_read(path, e) from e
    return parse_json(content, **options)


def parse_json(content: bytes, **options: Any) -> Any:
    """Returns what a text in JSON holds, unless it would take much memory.

    Args:
        content: The text.
        **options: For `json.loads`.

    Raises:
        ValueError: As `read_json`.
    """
    if len(content) > _LARGEST_JSON_BYTES:
        raise ValueError(f"more than {_LARGEST_JSON_BYTES >> 20} MiB of text")
    if sum(map(content.count, (b",", b"[", b"{"))) > _MOST_JSON_VALUES:
        raise ValueError(f"more than {_MOST_JSON_VALUES:,} values")
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
            a name in it has a duplicate. Many kinds of error for other damage, which `reading`
            guards.
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
        OSError: If the system refuses to read it. Many kinds of error if it is damaged, which
            `reading` guards.
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
