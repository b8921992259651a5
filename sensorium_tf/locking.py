"""A lock that only one process can hold, and that dies with it."""

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from sensorium_tf.errors import SensoriumError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None

# Neither follows a link to a user's file nor waits for the other end of a pipe; what a flag of a
# POSIX system is for, other systems do not have.
_OPEN = os.O_RDWR | os.O_CREAT
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
    _OPEN |= getattr(os, _flag, 0)


@contextlib.contextmanager
def file_lock(path: str | os.PathLike, work: str, *, wait: bool = False) -> Iterator[None]:
    """Holds a lock file while the block runs.

    The operating system lets go of the lock when the process ends, however it ends, so a killed
    process leaves nothing that would have to be cleared by hand. Where the system or the file
    system knows no locks, the block runs unguarded. The content of the file is never touched.

    Args:
        path: the lock file; its folder is made.
        work: what the block does, for the message.
        wait: whether to wait, with one line on stderr, until another process has let go of it.
            Ctrl-C and SIGTERM end the wait, unless the program handles them otherwise.

    Raises:
        SensoriumError: if another process holds the lock and `wait` is not set, or a link, folder
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
