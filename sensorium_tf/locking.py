"""A lock that only one process can hold, and that dies with it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sensorium_tf.errors import SensoriumError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None


@contextlib.contextmanager
def only_process(path: Path, work: str) -> Iterator[None]:
    """Holds a lock file while the block runs.

    The operating system lets go of the lock when the process ends, however it ends, so a killed
    process leaves nothing that would have to be cleared by hand. Where the system or the file
    system knows no locks, the block runs unguarded.

    Args:
      path: the lock file; its folder is made.
      work: what the block does, for the message.

    Raises:
      SensoriumError: if another process holds the lock.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                raise SensoriumError(
                    f"another process is {work} in {path.parent}: wait until it is done"
                ) from e
            except OSError:  # some network file systems
                pass
        yield
