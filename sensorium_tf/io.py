"""Paths, files that are either complete or not there, and a lock that dies with its process."""

import contextlib
import errno
import glob
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sensorium_tf.errors import AccessError, SensoriumError, os_reason

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None

#: In the name of a file that is being written; a user's own hidden files look otherwise.
RANDOM = "[0-9a-f]" * 8
_TEMPORARY = ".tmp"
# Seconds, within which a file that is made is locked.
_YOUNG = 60.0
# Neither follows a link to a user's file nor waits for the other end of a pipe; what a flag of a
# POSIX system is for, other systems do not have.
_OPEN = os.O_RDWR | os.O_CREAT
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
    _OPEN |= getattr(os, _flag, 0)


def expand(path: str | os.PathLike) -> Path:
    """Returns a path that a user gives, with the home folder in place of `~`.

    Raises:
        SensoriumError: If there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as e:
        raise SensoriumError(f"{path}: there is no such home folder: write the path out") from e


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike, mode: str = "w") -> Iterator[IO]:
    """Opens a file that takes its name only once it is complete.

    What is written goes to a temporary file beside `path`, which replaces `path` when the block
    ends. If the block raises, or the disk is full, the temporary file is removed and whatever was
    at `path` stays as it was. What processes that were killed left of the same file is removed.

    Args:
        path: The file; folders above it are created.
        mode: `w` for text (UTF-8, line ends as written) or `wb` for bytes.

    Yields:
        The open file.

    Raises:
        AccessError: If the file cannot be written (no permission, disk full ...).
        SensoriumError: If a folder has this name, or a file that of a folder above it.
    """
    if mode not in ("w", "wb"):
        raise ValueError(f"mode {mode!r}: expected 'w' or 'wb'")
    path = expand(path)
    if not path.name:
        raise SensoriumError(f"{path}: is a folder, expected a file's name")
    temporary = beside(path, _TEMPORARY)
    text = {} if mode == "wb" else {"encoding": "utf-8", "newline": ""}
    try:
        # Renaming onto a folder would fail too, but only after all the work.
        if path.is_dir():
            raise SensoriumError(f"{path}: is a folder, expected a file's name")
        for folder in path.parents:
            if folder.is_file():
                raise SensoriumError(f"{folder}: is a file, expected a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path, _TEMPORARY)
        with reserved(temporary):
            with temporary.open(mode, **text) as file:
                yield file
            replace(temporary, path)
    except OSError as e:
        # Errors of other files that the block works with keep their own name.
        if e.filename not in (None, str(temporary), str(path), *map(str, path.parents)):
            raise
        raise AccessError(f"{path}: cannot be written: {os_reason(e)}") from e
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def beside(path: Path, suffix: str) -> Path:
    """Returns a name beside a file, for what is to take its place: hidden, and nobody else's."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{suffix}")


@contextlib.contextmanager
def reserved(temporary: Path) -> Iterator[None]:
    """Makes an empty file, which `remove_leftovers` leaves alone while the block runs.

    It is locked where the system and the file system know locks, else it is safe while it is young.
    Whatever writes it has to open the file that is there, rather than put another in its place.

    Raises:
        OSError: If the system refuses to make it, or there is one.
    """
    # Unlike the tempfile module's, it has the user's usual permissions.
    file = os.open(os.fspath(temporary), _OPEN | os.O_EXCL, 0o666)
    is_locked = _try_lock(file)
    if not is_locked:  # other systems move no open file
        os.close(file)
    try:
        yield
    finally:
        if is_locked:
            os.close(file)


def replace(temporary: Path, path: Path) -> None:
    """Moves a complete file to its name so that it survives a power cut.

    Raises:
        OSError: If the system refuses to.
    """
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)


def remove_leftovers(path: Path, suffix: str) -> None:
    """Removes what processes that were killed left of a file, as `beside` names it.

    What a process holds a lock on is still being written, and what has no lock yet is young.
    """
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.{RANDOM}{suffix}"):
        with contextlib.suppress(OSError):
            file = os.open(leftover, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
            try:
                if time.time() - os.fstat(file).st_mtime > _YOUNG and _try_lock(file):
                    leftover.unlink()
            finally:
                os.close(file)


def _try_lock(file: int) -> bool:
    """Locks an open file if nobody else does; tells whether that went well."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync(path: Path) -> None:
    """Has the disk keep a file's content, or a folder's names, where the system can."""
    try:
        file = os.open(path, os.O_RDONLY)
    except OSError:  # a folder, on systems that open none
        if path.is_dir():
            return
        raise
    try:
        os.fsync(file)
    except OSError as e:
        if e.errno != errno.EINVAL:  # a folder, on file systems that sync none
            raise
    finally:
        os.close(file)


@contextlib.contextmanager
def file_lock(path: str | os.PathLike, work: str, *, wait: bool = False) -> Iterator[None]:
    """Holds a lock file while the block runs.

    The operating system lets go of the lock when the process ends, however it ends, so a killed
    process leaves nothing that would have to be cleared by hand. Where the system or the file
    system knows no locks, the block runs unguarded. The content of the file is never touched.

    Args:
        path: The lock file; its folder is made.
        work: What the block does, for the message.
        wait: Whether to wait, with one line on stderr, until another process has let go of it.
            Ctrl-C and SIGTERM end the wait, unless the program handles them otherwise.

    Raises:
        SensoriumError: If another process holds the lock and `wait` is not set, or a link, folder
            or device is in the lock file's place.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _open(path)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                at_work = f"another process is {work} in {path.parent}"
                if not wait:
                    raise SensoriumError(f"{at_work}: wait until it is done") from e
                print(f"waiting: {at_work}", file=sys.stderr, flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:  # some network file systems
                pass
        yield
    finally:
        os.close(file)


def _open(path: Path) -> int:
    try:
        file = os.open(path, _OPEN, 0o666)
    except OSError as e:
        if e.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise _not_a_lock_file(path) from e
        raise
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise _not_a_lock_file(path)
    return file


def _not_a_lock_file(path: Path) -> SensoriumError:
    return SensoriumError(
        f"{path}: is a link, folder or device, expected a lock file of this package: delete it"
    )
