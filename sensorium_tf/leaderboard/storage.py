"""A kind of storage that says in its own words, and in one line, that it is away."""

from collections.abc import Callable
from typing import Any

from sensorium_tf.errors import SensoriumError, one_line, os_reason


class Unreadable(SensoriumError):  # noqa: N818 - as FileNotFoundError is not ours
    """Stored files cannot be read or written, whatever their kind of storage raises then."""


class Storage:
    """Passes calls on to a file system of fsspec, or to a file of one.

    Each kind of storage raises what it likes: all of it becomes `Unreadable`, save that a file is
    missing, which is an answer.

    Args:
        target: The file system, or the file.
        place: What people call it.
    """

    def __init__(self, target: Any, place: str):
        self._target, self._place = target, place

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args, **options: self._call(name, *args, **options)

    def open(self, path: str, mode: str) -> "Storage":
        """Opens a file, which is guarded as its storage is."""
        return Storage(self._call("open", path, mode), self._place)

    def __enter__(self) -> "Storage":
        return self

    def __exit__(self, *_: object) -> None:
        # Some kinds of storage send a file only now.
        self._call("close")

    def _call(self, name: str, *args: Any, **options: Any) -> Any:
        try:
            return getattr(self._target, name)(*args, **options)
        except FileNotFoundError:
            raise
        except Exception as e:
            reason = os_reason(e) if isinstance(e, OSError) else one_line(e)
            raise Unreadable(f"{self._place}: cannot be read or written: {reason}") from e
