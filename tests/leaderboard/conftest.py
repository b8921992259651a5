"""Leaderboards for tests, each a copy of one that is made once; on SQLite and PostgreSQL."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import boards
import pytest
import uvicorn
from processes import PATIENCE

from sensorium_tf.challenges import challenge_of
from sensorium_tf.leaderboard import child, queue
from sensorium_tf.leaderboard.database import Database
from sensorium_tf.leaderboard.settings import Limits
from sensorium_tf.leaderboard.web.app import create_app

# Of a new PostgreSQL: the same on machines of all languages.
PLAIN = ("--locale=C", "--encoding=UTF8")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    board, _ = boards.open_board(folder / "board.db", folder / "files")
    board.database.upgrade()
    people = boards.populate(board, folder)
    # Closed, all of it is in one file, which can be copied.
    board.database.engine.dispose()
    return folder, people


@pytest.fixture
def sqlite_team(sqlite_template, tmp_path):
    """A populated leaderboard on SQLite, for what only SQLite has."""
    folder, people = sqlite_template
    shutil.copytree(folder, tmp_path / "board")
    place = tmp_path / "board"
    board, clock = boards.open_board(place / "board.db", place / "files")
    yield Team(board, clock, people, tmp_path)
    board.database.engine.dispose()


@pytest.fixture
def postgresql_team(postgresql, postgresql_template, tmp_path):
    """A populated leaderboard on PostgreSQL."""
    folder, people = postgresql_template
    drop = "DROP DATABASE IF EXISTS board WITH (FORCE)"
    _statements(postgresql, drop, "CREATE DATABASE board TEMPLATE template_board")
    shutil.copytree(folder, tmp_path / "board")
    board, clock = boards.open_board(postgresql.format("board"), tmp_path / "board" / "files")
    yield Team(board, clock, people, tmp_path)
    board.database.engine.dispose()


@pytest.fixture
def team(request):
    """A populated leaderboard: `board`, `clock`, `people`, and a folder for files.

    It is on SQLite or, with SENSORIUM_TEST_DATABASE=postgresql, on PostgreSQL.
    """
    name = os.environ.get("SENSORIUM_TEST_DATABASE", "sqlite")
    return request.getfixturevalue(f"{name}_team")


class Team:
    """A leaderboard and its people."""

    def __init__(self, board, clock, people, folder):
        self.board, self.clock, self.secrets, self.folder = board, clock, people, folder
        self.people = {name: boards.viewer(board, secret) for name, secret in people.items()}

    def enter(self, who="ann", **options):
        return boards.enter(self.board, self.people[who], self.folder, **options)

    def limited(self, **limits):
        self.board = type(self.board)(
            self.board.database, self.board.blobs, Limits(**limits), self.clock
        )
        return self.board


@pytest.fixture(scope="session")
def postgresql():
    """URL of a PostgreSQL server that lives as long as the tests, without its database's name."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("initdb") or (programs and programs[-1] / "initdb")
    if not found:
        pytest.skip(reason="PostgreSQL is not installed: apt-get install postgresql")
    programs = Path(found).resolve().parent
    with tempfile.TemporaryDirectory(prefix="sensorium-pg-") as name:
        # It refuses to run as root.
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if user:
            shutil.chown(name, "postgres")
        folder = Path(name)
        run = {"check": True, "stdout": subprocess.DEVNULL, "cwd": name}
        data, log = folder / "data", folder / "log"
        subprocess.run(
            [*user, programs / "initdb", *("-A", "trust", "-U", "tests", "-N"), *PLAIN, data], **run
        )
        # What cleans up by itself would hold databases while they are copied.
        options = f"-c listen_addresses='' -c fsync=off -c autovacuum=off -k {name}"
        control = [*user, programs / "pg_ctl", "-D", data, "-w", "-t", str(PATIENCE), "-l", log]
        subprocess.run([*control, "-o", options, "start"], **run)
        try:
            yield f"postgresql://tests@/{{}}?host={name}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], **run)


@pytest.fixture(scope="session")
def postgresql_template(postgresql, tmp_path_factory):
    folder = tmp_path_factory.mktemp("template")
    _statements(postgresql, "CREATE DATABASE template_board")
    board, _ = boards.open_board(postgresql.format("template_board"), folder / "files")
    board.database.upgrade()
    people = boards.populate(board, folder)
    board.database.engine.dispose()
    return folder, people


def _statements(postgresql, *statements):
    admin = Database(postgresql.format("postgres")).engine
    with admin.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request):
    """A populated leaderboard, on each of the databases."""
    return request.getfixturevalue(f"{request.param}_team")


@pytest.fixture
def score(monkeypatch):
    """Scores all that waits, in this process: the child has tests of its own."""

    def here(folder, *, submission, truth, challenge, track, kind, **_):
        with contextlib.chdir(folder):
            child.score_files(submission, truth, challenge_of(challenge), track, kind)
        return child.read_result(folder)

    def score(board):
        from sensorium_tf.leaderboard.worker import work_once

        monkeypatch.setattr(child, "run", here)
        while work_once(board, say=lambda line: None):
            pass
        with board.database.read() as connection:
            assert not queue.counts(connection)["running"]

    return score


class Server:
    """A leaderboard that a real server serves, in a thread."""

    def __init__(self, board, provider=None):
        config = uvicorn.Config(
            create_app(board, provider), port=0, log_level="critical", ws="none"
        )
        self._socket = config.bind_socket()
        self._socket.listen()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(config)
        run = {"sockets": [self._socket]}
        self._thread = threading.Thread(target=self._server.run, kwargs=run, daemon=True)
        self._thread.start()

    def close(self):
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


@pytest.fixture
def server(team):
    server = Server(team.board)
    yield server
    server.close()


@pytest.fixture(scope="session")
def movies(tmp_path_factory):
    """A simulated mouse that saw movies, with the ground truth of its test tiers."""
    pytest.importorskip("pyarrow", reason="files of movies need the extra movies")
    from movie_boards import Movies

    return Movies(tmp_path_factory.mktemp("movies"))


@pytest.fixture
def movie_team(team, movies):
    """A leaderboard with a competition of movies beside the one of images."""
    from movie_boards import populate

    team.limited(open_uploads=9)
    populate(team.board, movies, submissions_a_day=99)
    return team
