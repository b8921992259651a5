"""Whether there is room for another file."""

from sqlalchemy import Connection, func, select

from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.tables import blobs, submission_files, submissions, teams

_MIB = 1 << 20


def check_disk(board: Board, length: int) -> None:
    """Raises Refused if a file of so many bytes would leave too little free space."""
    free = board.blobs.free_bytes()
    if free is not None and free - length < board.limits.free_bytes:
        raise Refused("the server's disk is nearly full: tell the organisers", 507)


def check_team(board: Board, connection: Connection, team_id: int, length: int) -> None:
    """Raises Refused if the files of a team would take more than they may.

    Args:
        board: The leaderboard.
        connection: Of its database.
        team_id: Whose files.
        length: Bytes that are to come.
    """
    of_team = (
        select(submission_files.c.sha256)
        .join(submissions)
        .where(submissions.c.team_id == team_id)
        .distinct()
        .subquery()
    )
    stored = connection.execute(
        select(func.coalesce(func.sum(blobs.c.size), 0)).join(
            of_team, of_team.c.sha256 == blobs.c.sha256
        )
    ).scalar_one()
    own = connection.execute(select(teams.c.quota_bytes).where(teams.c.id == team_id)).scalar()
    most = board.limits.team_bytes if own is None else own
    if stored + length > most:
        raise Refused(f"the files of your team would have more than {most / _MIB:g} MiB", 413)
