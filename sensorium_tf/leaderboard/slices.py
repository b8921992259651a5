"""The stored slices of uploads: their names, and the end of those that nobody needs any more."""

import datetime
import re
import secrets
from collections.abc import Iterable

from sqlalchemy import Connection, delete, select

from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.database import insert_missing
from sensorium_tf.leaderboard.ownership import check_owner
from sensorium_tf.leaderboard.tables import blobs, submission_files, truths, upload_parts, uploads

# As of `new_name`: what has another name is not ours.
_SLICE = re.compile("[0-9a-f]{16}-[0-9]{12}-[0-9a-f]{8}")
#: The columns that say which files are needed.
NAMING = (submission_files.c.sha256, truths.c.sha256, truths.c.outline_sha256, uploads.c.sha256)


def new_name(upload_id: str, start: int) -> str:
    """Returns a name for a slice, new each time: of two that are equal, one is written down."""
    return f"{upload_id}-{start:012d}-{secrets.token_hex(4)}"


def names_of(connection: Connection, upload_id: str) -> list[str]:
    """Returns the slices of an upload, in their order."""
    found = connection.execute(
        select(upload_parts.c.name)
        .where(upload_parts.c.upload_id == upload_id)
        .order_by(upload_parts.c.start)
    )
    return list(found.scalars())


def forget(board: Board, upload_ids: Iterable[str]) -> int:
    """Removes uploads that no submission has, with their slices; returns how many."""
    n_forgotten = 0
    for upload_id in upload_ids:
        with board.database.write() as connection:
            used = select(submission_files.c.upload_id).where(
                submission_files.c.upload_id == upload_id
            )
            if connection.execute(used).first():
                continue
            names = names_of(connection, upload_id)
            file = connection.execute(
                select(uploads.c.sha256).where(uploads.c.id == upload_id)
            ).scalar()
            connection.execute(delete(upload_parts).where(upload_parts.c.upload_id == upload_id))
            connection.execute(delete(uploads).where(uploads.c.id == upload_id))
        for name in names:
            board.blobs.remove_part(name)
        if file is not None:
            remove_unnamed(board, file)
        n_forgotten += 1
    return n_forgotten


def remove_unnamed(board: Board, sha256: str) -> bool:
    """Removes a file, unless an upload, a submission or a ground truth names it."""
    with board.database.write() as connection:
        # Whoever would name it now waits here, and then finds that it is gone.
        row = select(blobs.c.sha256).where(blobs.c.sha256 == sha256).with_for_update()
        if connection.execute(row).first() is None:
            return False
        if any(connection.execute(select(c).where(c == sha256).limit(1)).first() for c in NAMING):
            return False
        connection.execute(delete(blobs).where(blobs.c.sha256 == sha256))
        board.blobs.remove(sha256)
    return True


def forget_expired(board: Board) -> int:
    """Forgets the uploads whose time is over; returns how many."""
    used = select(submission_files.c.upload_id).where(submission_files.c.upload_id.is_not(None))
    with board.database.read() as connection:
        expired = connection.execute(
            select(uploads.c.id).where(
                uploads.c.expires_at <= board.now(), uploads.c.id.not_in(used)
            )
        ).scalars()
        return forget(board, expired.all())


def sweep(board: Board) -> int:
    """Forgets expired uploads, and removes what processes that were killed have left behind.

    A slice is stored before it is written down. One that is not written down may therefore be on
    its way, as long as it would continue an upload that is still open: such a one is kept. So is a
    file that was stored within the hours of an upload.

    Returns:
        How many uploads were forgotten and files removed.

    Raises:
        NotOurs: If the files are another leaderboard's.
    """
    if not check_owner(board):
        return 0
    n_removed = forget_expired(board)
    # Listed first: what is stored meanwhile is not looked at.
    stored, files = board.blobs.part_names(), board.blobs.names()
    before = board.now() - datetime.timedelta(hours=board.limits.upload_hours)
    with board.database.read() as connection:
        known = set(connection.execute(select(upload_parts.c.name)).scalars())
        rows = connection.execute(
            select(uploads.c.id, uploads.c.received).where(uploads.c.sha256.is_(None))
        )
        received = dict(rows.tuples().all())
        files -= set(connection.execute(select(blobs.c.sha256)).scalars())
    for sha256 in files:
        if board.blobs.is_older(sha256, before):
            # Written down, it is removed as any other: whoever stores it anew meanwhile waits.
            with board.database.write() as connection:
                insert_missing(connection, blobs, sha256=sha256, size=0, created_at=board.now())
    with board.database.read() as connection:
        named = [blobs.c.sha256.not_in(select(c).where(c.is_not(None))) for c in NAMING]
        unnamed = connection.execute(select(blobs.c.sha256).where(*named)).scalars().all()
    left = [
        name for name in stored - known if _SLICE.fullmatch(name) and not _may_come(name, received)
    ]
    for name in left:
        board.blobs.remove_part(name)
    n_removed += sum(remove_unnamed(board, sha256) for sha256 in unnamed)
    return n_removed + len(left) + board.blobs.remove_unfinished(before)


def _may_come(name: str, received: dict[str, int]) -> bool:
    upload_id, _, rest = name.partition("-")
    start = rest.partition("-")[0]
    return upload_id in received and int(start) >= received[upload_id]
