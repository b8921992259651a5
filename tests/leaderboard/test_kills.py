"""Whoever is killed, whenever: nothing is lost, nothing is scored twice."""

import os
import signal
import threading

import boards
import pytest
from boards import LABEL
from sqlalchemy import func, select, text

from sensorium_tf.leaderboard import child, queue, slices, submissions, uploads, worker
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.tables import blobs, evaluations, scores
from sensorium_tf.leaderboard.tables import submissions as submissions_table


def killed(team, point, call):
    """Calls something in a process that is killed at a point, such as `queue.finish`.

    Args:
        team: Whose leaderboard the process opens.
        point: Module (or object) and name of the function before which it dies; `after` lets the
            function end first.
        call: Of the leaderboard.
    """
    database = team.board.database
    url = database.url.render_as_string(hide_password=False)
    process = os.fork()
    if not process:
        try:
            board = Board.open(
                url, team.board.blobs.place, now=team.clock, limits=team.board.limits
            )
            place, name, after = point(board)
            real = getattr(place, name)

            def die(*given, **options):
                if after:
                    real(*given, **options)
                os.kill(os.getpid(), signal.SIGKILL)

            setattr(place, name, die)
            call(board)
        finally:
            os._exit(1)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    # PostgreSQL notices a moment later; until then, the dead process holds its locks.
    while not database.is_sqlite and _in_transactions(database):
        pass


def _in_transactions(database):
    """Returns how many others are in the middle of a transaction."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND state <> 'idle'"
    )
    with database.read() as connection:
        return connection.execute(text(others)).scalar_one()


def count(team, table):
    with team.board.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


WORKER = {
    "as it begins": lambda board: (queue, "claim", False),
    "once it has claimed": lambda board: (queue, "claim", True),
    "while it fetches the files": lambda board: (board.blobs, "copy_to", True),
    "before it writes": lambda board: (queue, "finish", False),
    "while it writes": lambda board: (queue, "_write_scores", False),
    "before it commits": lambda board: (queue, "_write_scores", True),
    "once it has written": lambda board: (queue, "finish", True),
}


@pytest.mark.parametrize("point", WORKER)
def test_a_worker_that_is_killed_loses_nothing(either, score, point):
    either.enter()
    score(either.board)  # lets this process's own scoring stand for the child
    either.enter(seed=2)
    before = count(either, scores)
    killed(either, WORKER[point], lambda board: worker.work_once(board, say=lambda line: None))
    either.clock.move(seconds=queue.LEASE_SECONDS + 1)
    score(either.board)
    with either.board.database.read() as connection:
        assert queue.counts(connection) == {"queued": 0, "running": 0, "done": 2, "failed": 0}
    assert count(either, scores) == 2 * before


WEB = {
    "before the slice is stored": lambda board: (board.blobs, "put_part", False),
    "once the slice is stored": lambda board: (board.blobs, "put_part", True),
    "before the file is put together": lambda board: (uploads, "complete", False),
    "once it is put together": lambda board: (board.blobs, "put", True),
    "before it is written down": lambda board: (uploads, "add_blob", False),
    "before the slices are removed": lambda board: (board.blobs, "remove_part", False),
    "before the submission is accepted": lambda board: (submissions, "enqueue", False),
    "while it is accepted": lambda board: (submissions, "enqueue", True),
    "once it is accepted": lambda board: (submissions, "receipt", False),
}


def send(board, ann, upload_id, content):
    """Goes on with an upload as the client does, and submits it."""
    upload = uploads.state(board, ann, upload_id)
    while upload.received < len(content):
        at = upload.received
        upload = uploads.append(board, ann, upload_id, at, content[at : at + 1500])
    request = submissions.Request(
        track="sensorium", name="x", files={"test": upload_id}, label=LABEL
    )
    return submissions.submit(board, ann, request)


@pytest.mark.parametrize("point", WEB)
def test_a_web_process_that_is_killed_loses_nothing(either, score, point):
    ann, path = either.people["ann"], boards.write_rates(either.folder / "submission.csv")
    content, before = path.read_bytes(), count(either, blobs)
    upload = uploads.open_upload(
        either.board, ann, track="sensorium", tier="test", length=len(content)
    )
    killed(either, WEB[point], lambda board: send(board, ann, upload.id, content))
    slices.sweep(either.board)
    receipt = send(either.board, ann, upload.id, content)
    slices.sweep(either.board)
    assert not either.board.blobs.part_names()
    assert send(either.board, ann, upload.id, content) == receipt
    score(either.board)
    for table in (submissions_table, evaluations):
        assert count(either, table) == 1
    assert count(either, blobs) == before + 1
    assert b"".join(either.board.blobs.pieces(receipt["files"]["test"])) == content
    with either.board.database.read() as connection:
        assert queue.counts(connection)["done"] == 1


def test_a_scoring_process_that_is_killed_is_started_again(team, monkeypatch):
    team.enter()
    real, started = child.subprocess.Popen, []

    def kill_first(*given, **options):
        process = real(*given, **options)
        started.append(process)
        if len(started) == 1:
            process.kill()
        return process

    monkeypatch.setattr(child.subprocess, "Popen", kill_first)
    said = []
    while worker.work_once(team.board, say=said.append):
        pass
    assert said == [
        "E1: score, attempt 1",
        "E1: took more computing time than it may, or was killed",
        "E1: score, attempt 2",
        "E1: done",
    ]


def test_a_worker_that_is_told_to_stop_gives_its_work_back_uncounted(team):
    team.enter()
    stop = threading.Event()
    stop.set()
    for _ in range(5):
        assert worker.work_once(team.board, say=lambda line: None, stop=stop)
    with team.board.database.read() as connection:
        row = connection.execute(select(evaluations)).one()
    assert (row.state, row.attempts, row.lease) == ("queued", 0, None)


def test_a_worker_sweeps_what_others_left_behind(team):
    team.board.blobs.put_part(slices.new_name("0" * 16, 0), b"x")
    stop = threading.Event()
    stop.wait = lambda seconds: stop.set()
    worker.work(team.board, stop, say=lambda line: None)
    assert not team.board.blobs.part_names()
