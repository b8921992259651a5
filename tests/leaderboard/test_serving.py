"""The service starts, serves a competition to look at, and ends whole."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import boards
import pytest
from asgi import Client
from processes import PATIENCE, is_there, wait_for

from sensorium_tf.leaderboard import demonstration, extra, serving
from sensorium_tf.leaderboard.extra import SensoriumError, check_extra
from sensorium_tf.leaderboard.settings import LeaderboardSettings
from sensorium_tf.leaderboard.web.app import create_app
from sensorium_tf.scoring import write_label

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start(tmp_path):
    started = []

    def start(*flags):
        arguments = [f"--database={tmp_path / 'board.db'}", "--demo=false", *flags]
        process = subprocess.Popen(
            [sys.executable, "-m", "sensorium_tf", "leaderboard", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def children(process):
    return [
        int(pid)
        for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    ]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("how", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -9)]
)
def test_web_and_worker_end_together(start, how, status):
    process = start("--port=0")
    url = process.stdout.readline().split()[0]
    with urllib.request.urlopen(f"{url}/healthz", timeout=PATIENCE) as reply:
        assert reply.status == 200
    assert wait_for(lambda: children(process))
    (worker,) = children(process)
    os.kill(process.pid, how)
    assert process.wait(PATIENCE) == status
    assert wait_for(lambda: not is_there(worker))
    assert "Traceback" not in process.stderr.read()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_a_worker_that_is_told_to_stop_itself_ends_whole(start):
    process = start("--port=0")
    process.stdout.readline()
    assert wait_for(lambda: children(process))
    (worker,) = children(process)
    assert wait_for(lambda: catches(worker, signal.SIGTERM))
    os.kill(worker, signal.SIGTERM)
    assert wait_for(lambda: not is_there(worker))
    process.terminate()
    assert process.wait(PATIENCE) == 0
    assert not process.stderr.read()


class Process:
    """Of a worker, as far as serving looks at it."""

    def __init__(self, command, stdin, env):
        self.command, self.env, self.returncode = command, env, None
        self.stdin = io.BytesIO()

    def poll(self):
        return self.returncode

    def wait(self, seconds=None):
        self.returncode = self.returncode or 0


def test_a_worker_that_fails_is_replaced_and_one_that_was_stopped_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(serving.subprocess, "Popen", Process)
    monkeypatch.setattr(serving, "_WATCH_SECONDS", 0.001)
    place = LeaderboardSettings(database=str(tmp_path / "board.db"))
    with serving.workers(place, 2) as started:
        killed, stopped = started
        stopped.returncode, killed.returncode = 0, -9
        assert wait_for(lambda: started[0] is not killed)
        assert started[1] is stopped and started[0].command == killed.command
    assert killed.stdin.closed and started[0].stdin.closed


def test_a_password_is_not_among_a_workers_arguments(monkeypatch):
    monkeypatch.setattr(serving.subprocess, "Popen", Process)
    place = LeaderboardSettings(database="postgresql://board:p%40ss@db/board", blobs="s3://bucket")
    with serving.workers(place, 1) as (process,):
        assert process.env["PGPASSWORD"] == "p@ss"
        assert "--database=postgresql+psycopg://board@db/board" in process.command


def catches(pid, which):
    (mask,) = re.findall(r"SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text())
    return int(mask, 16) >> (which - 1) & 1


@pytest.mark.parametrize(
    ("flags", "scheme", "second"), [([], "https", 401), (["--proxies=192.0.2.1"], "http", 429)]
)
def test_a_proxy_is_believed_only_where_it_is_known(start, flags, scheme, second):
    process = start("--port=0", "--workers=0", "--requests_a_minute=1", *flags)
    url = process.stdout.readline().split()[0]
    statuses = []
    for address in ("198.51.100.1", "198.51.100.2"):
        headers = {"Host": "board.example.org", "X-Forwarded-Proto": "https"}
        headers |= {"X-Forwarded-For": address, "Origin": f"{scheme}://board.example.org"}
        request = urllib.request.Request(f"{url}/login", b"token=x", headers)
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request, timeout=PATIENCE)
        statuses.append(error.value.code)
    assert statuses == [401, second]


def test_a_port_that_is_taken_is_one_line(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(f"--port={taken.getsockname()[1]}", "--workers=0")
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "cannot be had: choose another --port" in said.splitlines()[-1]


def test_the_demo_has_both_tracks_with_two_submissions_each(tmp_path, score):
    board, _ = boards.open_board(tmp_path / "board.db", tmp_path / "files")
    board.database.upgrade()
    assert demonstration.is_empty(board)
    truths, submissions = {}, {"LN": {}, "CNN": {}}
    for tier in ("test", "final_test"):
        truths[tier] = boards.write_truth(tmp_path / f"truth_{tier}.csv", tier)
        for name, noise in (("LN", 4.0), ("CNN", 0.3)):
            path = tmp_path / name / f"submission_{tier}.csv"
            submissions[name][tier] = boards.write_rates(path, tier, noise=noise)
    for files in submissions.values():
        write_label([*files.values()], **boards.LABEL)
    secrets = demonstration.make_demo(board, truths, submissions)
    assert not demonstration.is_empty(board)
    score(board)
    page = Client(create_app(board)).get("/").text
    assert page.count(">CNN</a>") == page.count(">LN</a>") == 2
    assert page.index(">CNN</a>") < page.index(">LN</a>") and "Ranked apart" not in page
    assert boards.viewer(board, secrets["demo organiser"]).is_organiser


def test_what_is_not_installed_is_named(monkeypatch):
    check_extra()
    monkeypatch.setattr(extra, "_PACKAGES", ("json", "no_such_package"))
    with pytest.raises(SensoriumError, match=r"no_such_package is not installed: pip install"):
        check_extra()
