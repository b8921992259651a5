"""Which database the stored files are of: only that one may remove any."""

import hashlib

from sqlalchemy import Connection, select, text

from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.tables import audit


class NotOurs(SensoriumError):  # noqa: N818 - an answer
    """The stored files are those of another database."""


def check_owner(board: Board) -> bool:
    """Tells whether the files are this leaderboard's; those that are nobody's become so.

    Returns:
        Whether they are; not yet for a database in which nothing was ever done.

    Raises:
        NotOurs: If they are another leaderboard's.
    """
    with board.database.read() as connection:
        own = _id(board, connection)
    if own is None:
        return False
    if board.blobs.owner(own) != own:
        raise NotOurs(
            f"{board.blobs.place}: holds the files of another database: name another place with "
            "--blobs, or, if that database is gone for good, delete board.id there"
        )
    return True


def _id(board: Board, connection: Connection) -> str | None:
    """Returns what tells a database from others, and from copies of it, wherever it is reached."""
    first = connection.execute(
        select(audit.c.at, audit.c.action, audit.c.subject).order_by(audit.c.id).limit(1)
    ).first()
    if first is None:
        return None
    if board.database.is_sqlite:
        place = str(expand(board.database.url.database).stat().st_ino)
    else:
        query = "SELECT oid FROM pg_database WHERE datname = current_database()"
        server = "SELECT system_identifier FROM pg_control_system()"
        place = f"{connection.scalar(text(server))} {connection.scalar(text(query))}"
    said = f"{first.at.isoformat()} {first.action} {first.subject} {place}"
    return hashlib.sha256(said.encode()).hexdigest()
