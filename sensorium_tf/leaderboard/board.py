"""What every part of the service is handed: the database, the files, the limits and the time."""

import dataclasses
import datetime
import secrets
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, insert

from sensorium_tf.errors import SensoriumError
from sensorium_tf.leaderboard.blobs import Blobs
from sensorium_tf.leaderboard.cache import Cache
from sensorium_tf.leaderboard.database import Database
from sensorium_tf.leaderboard.settings import Limits
from sensorium_tf.leaderboard.tables import audit


class Refused(SensoriumError):  # noqa: N818 - an answer, which its status tells apart
    """A request that is not granted.

    Args:
        text: Says why, and what to do.
        status: Of the answer over HTTP.
        retry_after: Seconds after which it may be granted; None where time changes nothing.
    """

    def __init__(self, text: str, status: int = 422, *, retry_after: int | None = None):
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after


def utc_now() -> datetime.datetime:
    """Returns the time, in UTC."""
    return datetime.datetime.now(datetime.UTC)


@dataclasses.dataclass(frozen=True, eq=False)
class Board:
    """A leaderboard.

    Attributes:
        database: What it knows.
        blobs: Its files.
        limits: What it grants.
        now: Tells the time, with its zone.
        base_url: Address that people open; None for the one that each request names.
        cache: Keeps what everybody sees alike.
    """

    database: Database
    blobs: Blobs
    limits: Limits = dataclasses.field(default_factory=Limits)
    now: Callable[[], datetime.datetime] = utc_now
    base_url: str | None = None
    cache: Cache = dataclasses.field(default_factory=Cache)

    @classmethod
    def open(cls, database: str, blobs: str | None = None, **options: Any) -> "Board":
        """Opens a leaderboard; its files are beside an SQLite database unless a place is named.

        Raises:
            SensoriumError: If a place is not one.
        """
        opened = Database(database)
        if blobs is None:
            if not opened.is_sqlite:
                raise SensoriumError("name a place for the files: --blobs=FOLDER or s3://...")
            blobs = f"{opened.url.database.removesuffix('.db')}_files"
        return cls(opened, Blobs(blobs), **options)

    def note(
        self, connection: Connection, user_id: int | None, action: str, subject: Any, **details: Any
    ) -> None:
        """Adds a line to the audit, in the transaction of what it tells of."""
        values = {"user_id": user_id, "action": action, "subject": str(subject)[:120]}
        connection.execute(insert(audit).values(at=self.now(), details=details, **values))


def new_id() -> str:
    """Returns an id that nobody guesses."""
    return secrets.token_hex(8)
