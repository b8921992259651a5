"""Files by the hash of their content, in a folder or anywhere that fsspec reaches."""

import contextlib
import datetime
import hashlib
import os
import posixpath
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.leaderboard.settings import MIB
from sensorium_tf.leaderboard.storage import Storage, Unreadable, guarded

# Of a file that has not got its name yet.
_UNFINISHED = "new-"
_OWNER = "board.id"
_HASH = re.compile("[0-9a-f]{64}")


class Blobs:
    """A store of files: `blobs/<sha256>`, and the slices of uploads under `parts/`.

    Args:
        place: Folder, or URL such as `s3://bucket/folder`.

    Whatever is stored or read raises `Unreadable` if that cannot be done.

    Raises:
        SensoriumError: If fsspec does not know the kind of URL, or what it needs is not installed.
    """

    def __init__(self, place: str | os.PathLike):
        self.place = os.fspath(place)
        if "://" not in self.place:
            self.place = str(expand(self.place).absolute())
        try:
            files, self._root = fsspec.core.url_to_fs(self.place, use_listings_cache=False)
        except (ImportError, ValueError) as e:
            raise SensoriumError(f"{self.place}: is no place for files: {one_line(e)}") from e
        #: Whether it is a folder of this machine.
        self.is_local = isinstance(files, LocalFileSystem)
        self._files = Storage(files, self.place)

    @property
    def is_open(self) -> bool:
        """Whether every account of this machine can look into its folder."""
        root = Path(self._root)
        return self.is_local and root.is_dir() and bool(root.stat().st_mode & 0o007)

    def owner(self, claim: str) -> str:
        """Returns whose store it is: whoever says so first.

        Args:
            claim: Of whoever asks.
        """
        path = posixpath.join(self._root, _OWNER)
        # One that is empty was begun by a process that was killed.
        if not self._files.exists(path) or not b"".join(self._read(path)):
            self._make(posixpath.dirname(path))
            with self._files.open(path, "wb") as file:
                file.write(claim.encode())
                self._sync(file)
        return b"".join(self._read(path)).decode(errors="replace")

    def free_bytes(self) -> int | None:
        """Returns the free space of its disk; None where there is no such limit."""
        if not self.is_local:
            return None
        self._make(self._root)
        with guarded(self.place):
            return shutil.disk_usage(self._root).free

    def put(self, pieces: Iterable[bytes]) -> tuple[str, int]:
        """Stores a file; returns the hash of its content and its size.

        A file takes its name only once it is complete. Whatever `pieces` raises is raised, and
        nothing is stored.
        """
        digest, size = hashlib.sha256(), 0
        temporary = self._path("parts", f"{_UNFINISHED}{os.urandom(8).hex()}")
        self._make(posixpath.dirname(temporary))
        try:
            with self._files.open(temporary, "wb") as file:
                for piece in pieces:
                    digest.update(piece)
                    size += len(piece)
                    file.write(piece)
                self._sync(file)
            path = self._path("blobs", digest.hexdigest())
            self._make(posixpath.dirname(path))
            self._files.mv(temporary, path)
        except BaseException:
            with contextlib.suppress(Unreadable):
                self._remove(temporary)
            raise
        return digest.hexdigest(), size

    def put_file(self, path: str | os.PathLike) -> tuple[str, int]:
        """Stores a copy of a local file, as `put`."""
        with expand(path).open("rb") as file:
            return self.put(iter(lambda: file.read(MIB), b""))

    def has(self, sha256: str) -> bool:
        """Tells whether a file is there."""
        return self._files.exists(self._path("blobs", sha256))

    def names(self) -> set[str]:
        """Returns the hashes of all files; what has another name is not ours."""
        return {name for name in self._list("blobs") if _HASH.fullmatch(name)}

    def is_older(self, sha256: str, before: datetime.datetime) -> bool:
        """Tells whether a file is there, and was stored before a time."""
        return self._is_older(self._path("blobs", sha256), before)

    def answers(self) -> bool:
        """Tells whether files can be stored and read: whether what is wrong is one file's own."""
        name = f"{_UNFINISHED}{os.urandom(8).hex()}"
        try:
            self.put_part(name, b"?")
            there = b"".join(self.part_pieces(name)) == b"?"
            self.remove_part(name)
        except (Unreadable, FileNotFoundError):
            return False
        return there

    def pieces(self, sha256: str) -> Iterator[bytes]:
        """Yields the content of a file."""
        yield from self._read(self._path("blobs", sha256))

    def copy_to(
        self,
        sha256: str,
        path: str | os.PathLike,
        alive: Callable[[], object] = lambda: None,
    ) -> Path:
        """Writes a file to a local path, and checks that its content is what its name says.

        Args:
            sha256: Of the file.
            path: Where to.
            alive: Called for each piece, as this may take long.

        Raises:
            SensoriumError: If it is missing or damaged.
            Unreadable: If it cannot be read.
        """
        digest = hashlib.sha256()
        with atomic_write(path, "wb") as file:
            try:
                for piece in self.pieces(sha256):
                    alive()
                    digest.update(piece)
                    file.write(piece)
            except FileNotFoundError as e:
                raise SensoriumError(f"{self.place}: file {sha256} is missing") from e
        if digest.hexdigest() != sha256:
            raise SensoriumError(f"{self.place}: file {sha256} is damaged")
        return expand(path)

    def remove(self, sha256: str) -> None:
        """Removes a file, if it is there."""
        self._remove(self._path("blobs", sha256))

    def put_part(self, name: str, content: bytes) -> None:
        """Stores a slice of an upload under a name of its own."""
        path = self._path("parts", name)
        self._make(posixpath.dirname(path))
        with self._files.open(path, "wb") as file:
            file.write(content)
            self._sync(file)

    def part_pieces(self, name: str) -> Iterator[bytes]:
        """Yields the content of a slice."""
        yield from self._read(self._path("parts", name))

    def remove_part(self, name: str) -> None:
        """Removes a slice, if it is there."""
        self._remove(self._path("parts", name))

    def part_names(self) -> set[str]:
        """Returns the names of all slices."""
        return {name for name in self._list("parts") if not name.startswith(_UNFINISHED)}

    def remove_unfinished(self, before: datetime.datetime) -> int:
        """Removes files that `put` began and did not end; returns how many.

        Args:
            before: Those that were last written earlier than this.
        """
        n_removed = 0
        for name in self._list("parts") - self.part_names():
            if self._is_older(self._path("parts", name), before):
                self.remove_part(name)
                n_removed += 1
        return n_removed

    def _is_older(self, path: str, before: datetime.datetime) -> bool:
        try:
            return _utc(self._files.modified(path)) < before
        except FileNotFoundError:
            return False

    def _make(self, folder: str) -> None:
        """Makes a folder of the store: a new one is its owner's alone, as ground truths are."""
        if not self.is_local:
            self._files.makedirs(folder, exist_ok=True)
            return
        with guarded(self.place):
            for each in (self._root, folder):
                Path(each).parent.mkdir(parents=True, exist_ok=True)
                Path(each).mkdir(mode=0o700, exist_ok=True)

    def _path(self, folder: str, name: str) -> str:
        return posixpath.join(self._root, folder, name)

    def _read(self, path: str) -> Iterator[bytes]:
        with self._files.open(path, "rb") as file:
            while piece := file.read(MIB):
                yield piece

    def _list(self, folder: str) -> set[str]:
        try:
            found = self._files.ls(posixpath.join(self._root, folder), detail=False)
        except FileNotFoundError:
            return set()
        return {posixpath.basename(path) for path in found}

    def _remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.rm(path)

    def _sync(self, file) -> None:
        if self.is_local:
            file.flush()
            with guarded(self.place):
                os.fsync(file.fileno())


def _utc(time: datetime.datetime) -> datetime.datetime:
    return time if time.tzinfo else time.replace(tzinfo=datetime.UTC)
