"""Measures a leaderboard: readers, uploads of full size, from upload to rank, workers.

    python benchmarks/leaderboard.py --output=runs/leaderboard.json
    python benchmarks/leaderboard.py --output=FILE.json --database=postgresql://user@host/empty

The service runs in a process of its own, beside the readers. Prints and writes JSON. The database
has to be empty; by default it is an SQLite file in a temporary folder.
"""

import concurrent.futures
import contextlib
import http.client
import json
import os
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from absl import flags
from sqlalchemy import insert, select

from sensorium_tf import cli

OUTPUT = flags.DEFINE_string("output", None, "JSON file for the results.", required=True)
DATABASE = flags.DEFINE_string("database", None, "Empty database, instead of an SQLite file.")
SUBMISSIONS = flags.DEFINE_integer("submissions", 1000, "Submissions in the table that is read.")
READERS = flags.DEFINE_integer("readers", 200, "Readers at once.")
SECONDS = flags.DEFINE_integer("seconds", 10, "How long they read.")
UPLOADS = flags.DEFINE_integer("uploads", 20, "Uploads of full size at once.")
NEURONS = flags.DEFINE_integer("neurons", 7776, "Neurons of a full-size submission.")
WORKERS = flags.DEFINE_list("workers", ["1", "2", "4"], "How many workers score the uploads.")

_IMAGES, _REPEATS = 100, 10
_FREE = {"requests_a_minute": 10**9, "attempts_a_day": 10**6, "open_uploads": 10**6}


def main() -> None:
    from sensorium_tf.evaluation import write_json
    from sensorium_tf.leaderboard.board import Board

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = DATABASE.value or str(folder / "board.db")
        board = Board.open(database, str(folder / "files"))
        board.database.upgrade()
        tokens = _populate(board, folder)
        with _served(database, board.blobs.place) as (url, start, process):
            found = {"database": board.database.url.get_backend_name(), "start_seconds": start}
            found |= _read(url)
            found |= _upload(url, tokens, folder / "pair" / "submission_file_live_test.csv")
            found["web_peak_mib"] = _peak_mib(process)
        before = _cpu_seconds()
        with _served(database, board.blobs.place, "--workers=1") as (url, _, process):
            found["upload_to_rank_seconds"] = _take_part(url, tokens[0], folder / "pair")
            found["web_peak_of_one_pair_mib"] = _peak_mib(process)
        # Of the client, the web, the worker and the process that scores.
        found["upload_to_rank_cpu_seconds"] = round(_cpu_seconds() - before, 1)
        for n_workers in map(int, WORKERS.value):
            found[f"scored_a_minute_by_{n_workers}_workers"] = _score(board, database, n_workers)
    print(json.dumps(found, indent=2))
    write_json(OUTPUT.value, found)


def _populate(board, folder: Path) -> list[str]:
    """Fills the table of the first track; returns a token of a member of each team."""
    from sensorium_tf.leaderboard import accounts, competitions, queue, tables, teams, truths
    from sensorium_tf.scoring import write_ground_truth, write_submission

    random = np.random.default_rng(0)
    images = np.repeat(np.arange(_IMAGES), _REPEATS)
    ids = {
        "trial_ids": [secrets.token_hex(16) for _ in images],
        "image_ids": images,
        "unit_ids": np.arange(NEURONS.value),
    }
    values = random.gamma(1, 1, (len(images), NEURONS.value))
    write_ground_truth(folder / "truth.csv", responses=values, **ids)
    (folder / "pair").mkdir()
    for name in ("live", "final"):
        rates = values + random.normal(0, 1, values.shape)
        write_submission(folder / "pair" / f"submission_file_{name}_test.csv", rates=rates, **ids)
    with board.database.write() as connection:
        competitions.create_competition(board, connection, "load", "Load", submissions_a_day=10**6)
        tokens = []
        for i in range(UPLOADS.value):
            user = accounts.create_user(board, connection, f"user {i}")
            team = teams.create_team(board, connection, f"team {i}")
            teams.add_member(connection, team, user)
            tokens.append(accounts.issue_token(board, connection, user, "load"))
        phase, final = competitions.phase_list(connection, "sensorium")
    for each in (phase, final):
        truths.add_truth(board, each, folder / "truth.csv")
    with board.database.write() as connection:
        of_phase = select(tables.truths.c.id).where(tables.truths.c.phase_id == phase.id)
        truth = connection.execute(of_phase).scalar_one()
        for i in range(SUBMISSIONS.value):
            submission = secrets.token_hex(8)
            shown = {"accepted_at": board.now(), "published_at": board.now()}
            connection.execute(
                insert(tables.submissions).values(
                    id=submission,
                    team_id=team,
                    user_id=user,
                    track_id=phase.track_id,
                    name=f"submission {i}",
                    method="",
                    links=[],
                    standing="",
                    is_baseline=False,
                    **shown,
                )
            )
            evaluation = connection.execute(
                insert(tables.evaluations)
                .values(
                    submission_id=submission,
                    phase_id=phase.id,
                    truth_id=truth,
                    kind=queue.SCORE,
                    scorer="load",
                    state=queue.DONE,
                    attempts=1,
                    created_at=board.now(),
                )
                .returning(tables.evaluations.c.id)
            ).scalar_one()
            for metric in ("single_trial_correlation", "correlation_to_average", "feve"):
                value = float(random.random())
                connection.execute(
                    insert(tables.scores).values(
                        evaluation_id=evaluation,
                        metric=metric,
                        value=value,
                        low=value - 0.01,
                        high=value + 0.01,
                    )
                )
    return tokens


@contextlib.contextmanager
def _served(database: str, blobs: str, workers: str = "--workers=0"):
    """Serves the leaderboard; yields its address, the seconds to its start, and the process."""
    limits = [f"--{name}={value}" for name, value in _FREE.items()]
    where = [f"--database={database}", f"--blobs={blobs}", "--port=0"]
    started = time.monotonic()
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "sensorium_tf", "leaderboard", "--demo=false", workers),
            *where,
            *limits,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        # It says where it listens before it answers.
        url = process.stdout.readline().split()[0]
        urllib.request.urlopen(f"{url}/healthz").close()
        yield url, round(time.monotonic() - started, 2), process
    finally:
        process.terminate()
        process.communicate()


def _peak_mib(process: subprocess.Popen) -> float:
    """Returns the most memory that a process has had."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)


def _cpu_seconds() -> float:
    """Returns the computing time of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _take_part(url: str, token: str, folder: Path) -> float:
    """Uploads a pair of files as a participant does; returns the seconds until it has a rank."""
    start = time.monotonic()
    subprocess.run(
        [
            *(sys.executable, "-m", "sensorium_tf", "upload", f"--server={url}", "--publish"),
            *(f"--submission={folder}", "--name=pair"),
        ],
        env={**os.environ, "SENSORIUM_TOKEN": token},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return round(time.monotonic() - start, 1)


def _read(url: str) -> dict[str, float]:
    ends = time.monotonic() + SECONDS.value

    def read(_) -> list[float]:
        connection, times = http.client.HTTPConnection(url.removeprefix("http://")), []
        while not times or time.monotonic() < ends:
            start = time.monotonic()
            connection.request("GET", "/tracks/sensorium")
            connection.getresponse().read()
            times.append(time.monotonic() - start)
        return times

    with concurrent.futures.ThreadPoolExecutor(READERS.value) as pool:
        times = [each for of_reader in pool.map(read, range(READERS.value)) for each in of_reader]
    return {
        "submissions": SUBMISSIONS.value,
        "readers": READERS.value,
        "requests_a_second": round(len(times) / SECONDS.value, 1),
        "median_seconds": round(statistics.median(times), 3),
        "p95_seconds": round(float(np.quantile(times, 0.95)), 3),
    }


def _upload(url: str, tokens: list[str], path: Path) -> dict[str, float]:
    from sensorium_tf.leaderboard import client, sending
    from sensorium_tf.scoring import check_submission

    start = time.monotonic()
    counts = check_submission(path)
    checked = time.monotonic() - start

    def send(token: str) -> float:
        board, start = client.Client(url, token), time.monotonic()
        sending.submit(board, {"test": path}, track="sensorium", name="upload")
        return time.monotonic() - start

    with concurrent.futures.ThreadPoolExecutor(len(tokens)) as pool:
        times = list(pool.map(send, tokens))
    return {
        **counts,
        "submission_mib": round(path.stat().st_size / 2**20, 1),
        "client_check_seconds": round(checked, 2),
        "uploads_at_once": UPLOADS.value,
        "upload_median_seconds": round(statistics.median(times), 1),
        "upload_longest_seconds": round(max(times), 1),
    }


def _score(board, database: str, n_workers: int) -> float:
    """Scores all uploads anew; returns how many a minute."""
    from sensorium_tf.leaderboard.tables import differences, evaluations, neuron_scores, scores

    with board.database.write() as connection:
        ours = select(evaluations.c.id).where(evaluations.c.scorer != "load")
        ids = connection.execute(ours).scalars().all()
        connection.execute(differences.delete())
        for table in (scores, neuron_scores):
            connection.execute(table.delete().where(table.c.evaluation_id.in_(ids)))
        connection.execute(
            evaluations.update().where(evaluations.c.id.in_(ids)).values(state="queued", attempts=0)
        )
    start = time.monotonic()
    command = [*(sys.executable, "-m", "sensorium_tf", "leaderboard_worker", "--once")]
    where = [f"--database={database}", f"--blobs={board.blobs.place}"]
    started = [
        subprocess.Popen([*command, *where], stdout=subprocess.DEVNULL, env=os.environ)
        for _ in range(n_workers)
    ]
    for process in started:
        process.wait()
    return round(60 * len(ids) / (time.monotonic() - start), 1)


if __name__ == "__main__":
    cli.run(main)
