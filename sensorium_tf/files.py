"""Files that are either complete or not there, and where they are."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sensorium_tf.errors import AccessError, SensoriumError, os_reason


def expand(path: str | os.PathLike) -> Path:
    """Returns a path that a user gives, with the home folder in place of `~`.

    Raises:
        SensoriumError: if there is no such home folder.
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
    at `path` stays as it was.

    Args:
      path: the file; folders above it are created.
      mode: `w` for text (UTF-8, line ends as written) or `wb` for bytes.

    Yields:
      The open file.

    Raises:
      AccessError: if the file cannot be written (no permission, disk full ...).
      SensoriumError: if a folder has this name, or a file that of a folder above it.
    """
    if mode not in ("w", "wb"):
        raise ValueError(f"mode {mode!r}: expected 'w' or 'wb'")
    path = expand(path)
    if not path.name:
        raise SensoriumError(f"{path}: is a folder, expected a file's name")
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    text = {} if mode == "wb" else {"encoding": "utf-8", "newline": ""}
    try:
        # Renaming onto a folder would fail too, but only after all the work.
        if path.is_dir():
            raise SensoriumError(f"{path}: is a folder, expected a file's name")
        for folder in path.parents:
            if folder.is_file():
                raise SensoriumError(f"{folder}: is a file, expected a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unlike the tempfile module's, a file made by `open` has the user's usual permissions.
        with temporary.open(mode.replace("w", "x"), **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as e:
        # Errors of other files that the block works with keep their own name.
        if e.filename not in (None, str(temporary), str(path), *map(str, path.parents)):
            raise
        raise AccessError(f"{path}: cannot be written: {os_reason(e)}") from e
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
