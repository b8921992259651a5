"""What is known survives: migrations, transactions, the audit, and places that are none."""

import sqlite3
import threading

import boards
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, insert, select, text, update

from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.database import Database, revisions
from sensorium_tf.leaderboard.tables import METADATA, audit, blobs, sessions, teams, tracks, users


def test_the_migrations_lead_to_the_tables(either):
    with either.board.database.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []


def test_a_database_of_the_first_version_keeps_what_is_in_it(tmp_path):
    database = Database(tmp_path / "board.db")
    database.upgrade(revisions()[0])
    with database.write() as connection:
        connection.execute(
            text("INSERT INTO teams (name, created_at) VALUES ('reds', '2026-03-01 12:00:00')")
        )
        connection.execute(
            text("INSERT INTO users VALUES (1, 'ann', FALSE, '2026-03-01 12:00:00', NULL)")
        )
        at = "'2026-03-01 12:00:00', '2026-03-09 12:00:00'"
        connection.execute(text(f"INSERT INTO sessions VALUES ('0', 1, 'read', {at})"))
        values = "1, 'small', 'Small', 'sensorium2022', '2026-03-01 12:00:00', NULL"
        connection.execute(text(f"INSERT INTO competitions VALUES ({values})"))
        values = "1, 1, 'sensorium', 'Track', 'sensorium', 'correlation_to_average', 3"
        connection.execute(text(f"INSERT INTO tracks VALUES ({values})"))
    database.upgrade()
    database.check_version()
    with database.read() as connection:
        # Whose token is not known.
        assert not connection.execute(select(sessions)).all()
        assert connection.execute(select(users.c.name)).scalars().all() == ["ann"]
        assert connection.execute(select(tracks.c.submissions_a_day)).scalars().all() == [3]
        assert connection.execute(select(teams.c.name, teams.c.created_at)).all() == [
            ("reds", boards.START)
        ]


def test_files_of_more_than_two_gibibytes_are_known_after_an_upgrade(postgresql):
    place = postgresql.format("large_files")
    admin = Database(postgresql.format("postgres")).engine
    with admin.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE large_files")
    admin.dispose()
    database = Database(place)
    database.upgrade("0003")
    values = {"created_at": boards.START}
    with database.write() as connection:
        connection.execute(insert(blobs).values(sha256="a", size=1 << 30, **values))
    database.upgrade()
    with database.write() as connection:
        connection.execute(insert(blobs).values(sha256="b", size=3 << 30, **values))
    with database.read() as connection:
        found = connection.execute(select(blobs.c.sha256, blobs.c.size)).tuples().all()
    assert dict(found) == {"a": 1 << 30, "b": 3 << 30}
    database.engine.dispose()


def test_a_database_without_tables_or_of_another_version_is_said_to_be_so(tmp_path):
    database = Database(tmp_path / "board.db")
    with pytest.raises(SensoriumError, match="has no tables yet: run leaderboard_admin.py"):
        database.check_version()
    database.upgrade()
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SensoriumError, match=f"is of version 9999, not {revisions()[-1]}"):
        database.check_version()


def test_the_audit_can_only_grow(either):
    board = either.board
    with board.database.read() as connection:
        before = connection.execute(select(audit)).all()
    assert before
    for change in (delete(audit), update(audit).values(action="nothing")):
        with (
            pytest.raises(Exception, match="append only"),
            board.database.write() as connection,
        ):
            connection.execute(change)
    with board.database.read() as connection:
        assert connection.execute(select(audit)).all() == before


def test_a_block_that_raises_changes_nothing(either):
    values = {"name": "greens", "created_at": boards.START}
    with pytest.raises(KeyError), either.board.database.write() as connection:
        connection.execute(insert(teams).values(values))
        raise KeyError
    with either.board.database.read() as connection:
        assert "greens" not in connection.execute(select(teams.c.name)).scalars().all()


def test_writers_of_sqlite_wait_for_each_other_and_readers_do_not(sqlite_team):
    team = sqlite_team
    database, order, holds = team.board.database, [], threading.Event()

    def second():
        holds.wait()
        with database.write() as connection:
            order.append("second")
            connection.execute(insert(teams).values(name="late", created_at=boards.START))

    thread = threading.Thread(target=second)
    thread.start()
    with database.write() as connection:
        holds.set()
        connection.execute(insert(teams).values(name="early", created_at=boards.START))
        with database.read() as reader:
            assert "early" not in reader.execute(select(teams.c.name)).scalars().all()
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_time_without_zone_is_refused_and_one_comes_back_in_utc(either):
    with pytest.raises(Exception, match="needs its zone"), either.board.database.write() as c:
        c.execute(insert(teams).values(name="x", created_at=boards.START.replace(tzinfo=None)))
    with either.board.database.read() as connection:
        assert connection.execute(select(users.c.created_at)).scalars().first() == boards.START


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("mysql://host/x", "expected an SQLite file or postgresql://"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("postgresql://user:secret@host:port/x", "database URL cannot be read"),
    ],
)
def test_a_place_that_is_no_database_is_one_line_without_password(place, says):
    with pytest.raises(SensoriumError, match=says) as error:
        Database(place)
    assert "secret" not in str(error.value)


def test_a_database_that_cannot_be_reached_is_one_line_without_password(tmp_path):
    url = f"postgresql://ann:secret@/board?host={tmp_path}"
    database = Database(url)
    with pytest.raises(SensoriumError, match=r"postgresql\+psycopg://ann:\*\*\*@/board") as error:
        database.upgrade()
    assert "secret" not in str(error.value)
    (tmp_path / "text.db").write_text("no database" * 1000)
    with pytest.raises(SensoriumError, match="text.db: file is not a database"):
        Database(tmp_path / "text.db").upgrade()


def test_files_lie_beside_an_sqlite_database_and_are_named_for_postgresql(tmp_path):
    assert Board.open(tmp_path / "a.db").blobs.place == str(tmp_path / "a_files")
    with pytest.raises(SensoriumError, match="--blobs="):
        Board.open("postgresql://host/x")
    with pytest.raises(SensoriumError, match="is no place for files"):
        Board.open(tmp_path / "a.db", "nosuch://x")


def test_sqlite_is_in_wal_mode(sqlite_team):
    team = sqlite_team
    with sqlite3.connect(team.board.database.url.database) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
