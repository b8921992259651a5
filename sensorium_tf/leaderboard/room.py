"""Whether there is room for another file."""

from sqlalchemy import Connection, func, select

from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.inflation import ALWAYS_INFLATED
from sensorium_tf.leaderboard.settings import MIB
from sensorium_tf.leaderboard.tables import blobs, submission_files, submissions, teams, uploads


def largest(board: Board, length: int, encoding: str) -> int:
    """Returns how many bytes a file may have, once it is unpacked."""
    if encoding != "gzip":
        return length
    return min(board.limits.raw_bytes, board.limits.inflation * length + ALWAYS_INFLATED)


def check_disk(board: Board, length: int, encoding: str = "identity") -> None:
    """Raises Refused if slices of so many bytes, and their file, would leave too little space."""
    free = board.blobs.free_bytes()
    needed = length + largest(board, length, encoding)
    if free is not None and free - needed < board.limits.free_bytes:
        raise Refused("the server's disk is nearly full: tell the organisers", 507)


def check_team(
    board: Board, connection: Connection, team_id: int, length: int, encoding: str = "identity"
) -> None:
    """Raises Refused if the files of a team, open uploads too, would take more than they may.

    Args:
        board: The leaderboard.
        connection: Of its database.
        team_id: Whose files.
        length: Bytes that are to come.
        encoding: How they are packed.
    """
    of_team = (
        select(submission_files.c.sha256)
        .join(submissions)
        .where(submissions.c.team_id == team_id)
        .union(select(uploads.c.sha256).where(uploads.c.team_id == team_id))
        .subquery()
    )
    taken = connection.execute(
        select(func.coalesce(func.sum(blobs.c.size), 0)).join(
            of_team, of_team.c.sha256 == blobs.c.sha256
        )
    ).scalar_one()
    coming = connection.execute(
        select(uploads.c.length, uploads.c.encoding).where(
            uploads.c.team_id == team_id, uploads.c.sha256.is_(None)
        )
    ).all()
    taken += sum(largest(board, *each) for each in [*coming, (length, encoding)])
    own = connection.execute(select(teams.c.quota_bytes).where(teams.c.id == team_id)).scalar()
    most = board.limits.team_bytes if own is None else own
    if taken > most:
        raise Refused(f"the files of your team would have more than {most / MIB:g} MiB", 413)
