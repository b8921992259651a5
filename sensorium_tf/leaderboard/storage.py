"""A kind of storage that says in its own words, and in one line, that it is away."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from sensorium_tf.errors import SensoriumError, one_line, os_reason


class Unreadable(SensoriumError):  # noqa: N818 - as FileNotFoundError is not ours
    """Stored files cannot be read or written, whatever their kind of storage raises then."""


@contextlib.contextmanager
def guarded(place: str) -> Iterator[None]:
    """Turns whatever a kind of storage raises into `Unreadable`.

    That a file is missing stays as it is: it is an answer.

    Args:
        place: What people call the storage.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as e:
        reason = os_reason(e) if isinstance(e, OSError) else one_line(e)
        raise Unreadable(f"{place}: cannot be read or written: {reason}") from e


class Storage:
    """Passes calls on, guarded, to a file system of fsspec, or to a file of one.

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
        with guarded(self._place):
            return getattr(self._target, name)(*args, **options)
