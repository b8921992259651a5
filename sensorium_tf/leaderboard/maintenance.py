"""Backup of a running service, and a doctor for what may be wrong with one."""

import contextlib
import datetime
import json
import os
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy import Connection, func, select

from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.leaderboard import exports, slices
from sensorium_tf.leaderboard.blobs import Blobs
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.database import Database
from sensorium_tf.leaderboard.ownership import NotOurs, check_owner
from sensorium_tf.leaderboard.queue import QUEUED, RUNNING
from sensorium_tf.leaderboard.tables import (
    audit,
    blobs,
    evaluations,
    upload_parts,
)

_LATE = datetime.timedelta(minutes=10)
_CLOCKS_APART = 5


def backup(board: Board, output: str | os.PathLike) -> Path:
    """Copies a leaderboard while it runs; uploads that are on their way are left out.

    Files are never changed, so those that the copied database names are what was there when it was
    copied. Again into the same folder, only new files are copied.

    Args:
        board: On SQLite.
        output: Folder, which gets `leaderboard.db` and `leaderboard_files`.

    Returns:
        The copied database.

    Raises:
        SensoriumError: If the database is PostgreSQL's, the folder is one of the leaderboard's own,
            or a file is missing or damaged.
    """
    if not board.database.is_sqlite:
        raise SensoriumError("PostgreSQL is copied with pg_dump; then copy the folder of the files")
    folder = expand(output)
    _check_elsewhere(board, folder)
    folder.mkdir(0o700, parents=True, exist_ok=True)
    new, place = folder / "leaderboard.db.new", folder / "leaderboard.db"
    new.unlink(missing_ok=True)
    new.touch(0o600)
    with (
        contextlib.closing(sqlite3.connect(board.database.url.database)) as source,
        contextlib.closing(sqlite3.connect(new)) as target,
    ):
        source.backup(target)
        target.execute("DELETE FROM upload_parts")
        target.execute(
            "DELETE FROM uploads WHERE id NOT IN"
            " (SELECT upload_id FROM submission_files WHERE upload_id IS NOT NULL)"
        )
        target.commit()
        target.execute("PRAGMA journal_mode = DELETE")
    copied = Database(new)
    with copied.read() as connection:
        needed = _needed(connection)
    copied.engine.dispose()
    (folder / "leaderboard_files").mkdir(0o700, exist_ok=True)
    files = Blobs(folder / "leaderboard_files")
    for sha256 in sorted(needed - files.names()):
        board.blobs.copy_to(sha256, folder / "leaderboard_files" / "blobs" / sha256)
    for left in folder.glob("leaderboard.db-*"):
        left.unlink()
    shutil.move(new, place)
    for left in folder.glob("leaderboard.db.new-*"):
        left.unlink()
    return place


def export(board: Board, output: str | os.PathLike) -> list[Path]:
    """Writes all that is public as `leaderboard.json` and `leaderboard.csv`; returns the files."""
    folder = expand(output)
    with board.database.read() as connection:
        values = exports.public_json(board, connection)
        values["competitions"] = exports.competition_list(board, connection)
        texts = {
            "leaderboard.json": json.dumps(values, indent=2),
            "leaderboard.csv": exports.public_csv(board, connection),
        }
    for name, text in texts.items():
        with atomic_write(folder / name) as file:
            file.write(text)
    return [folder / name for name in texts]


def doctor(board: Board) -> list[str]:
    """Returns what is wrong with a leaderboard, a line each; empty if nothing is found."""
    board.database.check_version()
    now = board.now()
    with board.database.read() as connection:
        needed = _needed(connection)
        known = set(connection.execute(select(blobs.c.sha256)).scalars())
        parts = set(connection.execute(select(upload_parts.c.name)).scalars())
        found = [*_waiting(connection, now), *_clock(board, connection, now)]
    stored, stored_parts = board.blobs.names(), board.blobs.part_names()
    found += [f"file {name} is missing from {board.blobs.place}" for name in needed - stored]
    found += [f"slice {name} is missing from {board.blobs.place}" for name in parts - stored_parts]
    try:
        check_owner(board)
    except NotOurs as e:
        found.append(str(e))
    if board.blobs.is_open:
        found.append(f"all accounts of this machine can read {board.blobs.place}: chmod 700 it")
    orphans = len(stored - known) + len(stored_parts - parts)
    if orphans:
        found.append(
            f"{orphans} files of {board.blobs.place} belong to nothing: to uploads under way, or "
            f"broken off: a worker removes those after {board.limits.upload_hours} hours"
        )
    return sorted(found)


def _check_elsewhere(board: Board, folder: Path) -> None:
    """Raises SensoriumError if a copy would lie among what it is a copy of."""
    place = folder.resolve()
    own = [expand(board.database.url.database).resolve().parent]
    if board.blobs.is_local:
        files = Path(board.blobs.place).resolve()
        own += [files, files / "blobs", files / "parts"]
        own += [files.parent] if files.name == "leaderboard_files" else []
    if place in own:
        raise SensoriumError(f"--output={folder}: is the leaderboard's own folder: name another")


def _needed(connection: Connection) -> set[str]:
    found = (select(column).where(column.is_not(None)) for column in slices.NAMING)
    return set().union(*(connection.execute(each).scalars() for each in found))


def _waiting(connection: Connection, now: datetime.datetime) -> list[str]:
    oldest = connection.execute(
        select(func.min(evaluations.c.created_at)).where(evaluations.c.state == QUEUED)
    ).scalar()
    lost = connection.execute(
        select(func.count())
        .select_from(evaluations)
        .where(evaluations.c.state == RUNNING, evaluations.c.leased_until < now - _LATE)
    ).scalar_one()
    found = []
    if oldest is not None and oldest < now - _LATE:
        found.append(f"submissions wait since {oldest:%F %H:%M} UTC: start leaderboard_worker.py")
    if lost:
        found.append(f"{lost} submissions were being scored when a worker ended: start another one")
    return found


def _clock(board: Board, connection: Connection, now: datetime.datetime) -> list[str]:
    newest = connection.execute(select(func.max(audit.c.at))).scalar()
    found = []
    if newest is not None and newest > now + datetime.timedelta(seconds=_CLOCKS_APART):
        found.append(f"the audit ends at {newest:%F %T} UTC, later than now: set this clock")
    if not board.database.is_sqlite:
        theirs = connection.execute(select(func.clock_timestamp())).scalar_one()
        apart = abs((theirs - now).total_seconds())
        if apart > _CLOCKS_APART:
            found.append(f"the clocks of the database and of this machine are {apart:.0f} s apart")
    return found
