"""The database: SQLite or PostgreSQL by URL, its transactions and its migrations."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Table, create_engine, event, func, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.io import expand

_BUSY_SECONDS = 30
_UPGRADING = 20_22_06_17  # any number of our own: one upgrade at a time
#: Threads of a process that serves, and connections that they share: enough for disk and database
#: to be busy while pages are drawn, and so few that two hundred readers cost little memory.
SERVING_THREADS = 12
_DRIVERS = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}


class Database:
    """A leaderboard's database.

    On SQLite, readers never wait (WAL), and a writing transaction takes its lock when it begins, so
    that it can never fail half way because another one came first.

    Args:
        place: Path of an SQLite file, or URL of SQLite or PostgreSQL.

    Attributes:
        url: Where it is, with its driver.
        engine: SQLAlchemy's.

    Raises:
        SensoriumError: If it is neither, or the driver is not installed.
    """

    def __init__(self, place: str | os.PathLike):
        self.url = _url(place)
        try:
            self.engine = create_engine(
                self.url, pool_pre_ping=not self.is_sqlite, pool_size=SERVING_THREADS
            )
        except ModuleNotFoundError as e:
            raise SensoriumError(
                f"{_shown(self.url)}: {e.name} is not installed: pip install sensorium_tf[postgres]"
            ) from e
        if self.is_sqlite:
            expand(self.url.database).parent.mkdir(0o700, parents=True, exist_ok=True)
            event.listen(self.engine, "do_connect", _make_private)
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Opens a connection that sees one state of the database and changes nothing."""
        with _said(self.url), self.engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Opens a transaction that takes effect as a whole, or not at all if the block raises."""
        with _said(self.url), self.engine.execution_options(writes=True).begin() as connection:
            yield connection

    def upgrade(self, revision: str = "head") -> None:
        """Creates the tables, or brings those of an earlier version up to date."""
        with self.write() as connection:
            if not self.is_sqlite:
                connection.execute(select(func.pg_advisory_xact_lock(_UPGRADING)))
            config = _alembic()
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, revision)

    def check_version(self) -> None:
        """Raises SensoriumError if the tables are not those of this version."""
        with _said(self.url), self.engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        newest = ScriptDirectory.from_config(_alembic()).get_current_head()
        if found != newest:
            state = "has no tables yet" if found is None else f"is of version {found}, not {newest}"
            raise SensoriumError(
                f"{_shown(self.url)}: {state}: run leaderboard_admin.py --do=init on it"
            )


def insert_missing(connection: Connection, table: Table, **values: Any) -> None:
    """Adds a row, unless one with its key is there: also if two do so at once."""
    is_sqlite = connection.dialect.name == "sqlite"
    dialect = sqlite if is_sqlite else postgresql
    connection.execute(dialect.insert(table).values(values).on_conflict_do_nothing())


def revisions() -> list[str]:
    """Returns the versions of the tables, the first one first."""
    found = ScriptDirectory.from_config(_alembic()).walk_revisions()
    return [each.revision for each in found][::-1]


def _alembic() -> alembic.config.Config:
    config = alembic.config.Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _url(place: str | os.PathLike) -> URL:
    text = os.fspath(place)
    if "://" not in text:
        return URL.create("sqlite", database=str(expand(text)))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as e:
        raise SensoriumError(f"database URL cannot be read: {one_line(e)}") from e
    if url.drivername not in _DRIVERS:
        raise SensoriumError(f"{_shown(url)}: expected an SQLite file or postgresql://...")
    url = url.set(drivername=_DRIVERS[url.drivername])
    if url.drivername == "sqlite":
        if not url.database or url.database == ":memory:":
            raise SensoriumError(f"{_shown(url)}: a leaderboard needs a file, which lasts")
        url = url.set(database=str(expand(url.database)))
    return url


def _shown(url: URL) -> str:
    return url.database if url.get_backend_name() == "sqlite" else url.render_as_string()


@contextlib.contextmanager
def _said(url: URL) -> Iterator[None]:
    """Turns a database that cannot be reached into one line."""
    try:
        yield
    except SQLAlchemyError as e:
        if getattr(e, "orig", None) is None or type(e).__name__ not in _UNREACHABLE:
            raise
        raise DatabaseError(f"{_shown(url)}: {one_line(e.orig)}") from e


_UNREACHABLE = ("OperationalError", "DatabaseError", "InterfaceError")


class DatabaseError(SensoriumError):
    """The database cannot be reached, read or written."""


def _make_private(_dialect, _record, arguments, _options) -> None:
    """Makes a database that is not there yet its owner's alone, with the files beside it."""
    with contextlib.suppress(OSError):
        os.close(os.open(arguments[0], os.O_CREAT | os.O_RDONLY, 0o600))


def _prepare_sqlite(connection, _record) -> None:
    # SQLAlchemy says BEGIN, see below; the driver would say it later, and not for reading.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {_BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
