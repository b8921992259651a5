"""The process that scores takes no more than it may, and gives the library's own scores."""

import io
import json
import os
import signal
import subprocess
import sys

import boards
import numpy as np
import pytest
from processes import is_there, wait_for

from sensorium_tf.leaderboard import child
from sensorium_tf.leaderboard.settings import ScoringLimits
from sensorium_tf.scoring import (
    score,
    score_neurons,
)


@pytest.fixture
def folder(tmp_path):
    boards.write_truth(tmp_path / "truth.csv")
    boards.write_rates(tmp_path / "submission.csv")
    return tmp_path


def run(folder, *, kind="score", track="sensorium", alive=lambda: True, **limits):
    return child.run(
        folder,
        submission="submission.csv",
        truth="truth.csv",
        challenge="sensorium2022",
        track=track,
        kind=kind,
        limits=ScoringLimits(**limits),
        alive=alive,
    )


@pytest.mark.parametrize("track", ["sensorium", "sensorium_plus"])
def test_its_scores_are_the_librarys_to_the_last_bit(folder, track):
    files = folder / "submission.csv", folder / "truth.csv"
    found = run(folder, track=track)
    library = json.loads(json.dumps(score(*files, track=track)))
    neurons = score_neurons(*files, track=track).per_neuron
    assert found.error is None
    assert found.summary == {name: library[name] for name in found.summary}
    assert {"single_trial_correlation", "correlation_to_average", "feve"} <= {*found.summary}
    assert set(found.per_neuron) == {name for name, each in neurons.items() if each is not None}
    for name, values in found.per_neuron.items():
        assert values.tobytes() == np.asarray(neurons[name]).tobytes()


def test_what_is_wrong_with_the_file_is_told_without_paths(folder):
    path = folder / "submission.csv"
    path.write_text(path.read_text().replace("[", "[nan, ", 1))
    found = run(folder)
    assert found.error.startswith("submission.csv: trial test-0: prediction holds nan")
    assert str(folder) not in found.error and not found.summary


def test_a_check_needs_no_responses_and_gives_no_scores(folder):
    found = run(folder, kind="check")
    assert found.error is None and not found.summary and not found.per_neuron
    lines = (folder / "submission.csv").read_text().splitlines()
    (folder / "submission.csv").write_text("\n".join(lines[:-1]))
    assert "trial test-23 is missing" in run(folder, kind="check").error


START = child._START
INSTEAD = """
import time
from sensorium_tf.leaderboard import child

def score_files(*_):
    {}

child.score_files = score_files
child."""


def let_it(monkeypatch, code):
    """Lets the process do something instead of scoring."""
    before, main, after = START.rpartition("main(")
    monkeypatch.setattr(child, "_START", f"{before}{INSTEAD.format(code)}{main}{after}")


def test_it_ends_when_it_takes_too_much_memory(folder, monkeypatch):
    let_it(monkeypatch, "bytearray(1 << 30)")
    with pytest.raises(child.ChildFailed, match="took more memory than it may"):
        run(folder, address_space=1 << 20)


def test_it_ends_when_it_computes_or_lasts_too_long(folder, monkeypatch):
    let_it(monkeypatch, "while True: pass")
    with pytest.raises(child.ChildFailed, match="more computing time than it may"):
        run(folder, cpu_seconds=1)
    let_it(monkeypatch, "time.sleep(1000)")
    with pytest.raises(child.ChildFailed, match="took more than 0.2 seconds"):
        run(folder, wall_seconds=0.2)


def test_it_ends_as_soon_as_it_is_no_longer_wanted(folder):
    with pytest.raises(child.ChildFailed, match="no longer ours"):
        run(folder, alive=lambda: False)


@pytest.mark.parametrize("when", ["at once", "while it scores"])
def test_it_ends_with_the_process_that_started_it(folder, monkeypatch, when):
    let_it(monkeypatch, "open('begun', 'w').close(); time.sleep(1000)")
    real = subprocess.Popen

    def noted(*given, **options):
        process = real(*given, **options)
        (folder / "pid").write_text(str(process.pid))
        return process

    def alive():
        if when == "at once" or (folder / "begun").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return True

    monkeypatch.setattr(child.subprocess, "Popen", noted)
    parent = os.fork()
    if not parent:
        try:
            run(folder, alive=alive)
        finally:
            os._exit(1)
    _, status = os.waitpid(parent, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    pid = int((folder / "pid").read_text())
    assert wait_for(lambda: not is_there(pid))


PROBE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from sensorium_tf.leaderboard import child
from sensorium_tf.leaderboard.settings import ScoringLimits
child._limit(ScoringLimits(file_bytes=1000))
try:
    with open("big", "wb") as file:
        file.write(bytes(5000))
        file.flush()
except OSError as e:
    print("refused", os.path.getsize("big"))
print("tensorflow" in sys.modules)
"""


def test_it_can_fill_no_disk_and_knows_nothing_of_the_service(folder, monkeypatch):
    done = subprocess.run(
        [sys.executable, "-I", "-c", PROBE, str(child._FOLDER)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["refused", "1000", "False"], done.stderr
    monkeypatch.setenv("SENSORIUM_SECRET", "x")
    started = []
    monkeypatch.setattr(
        child.subprocess, "Popen", lambda *_, **options: started.append(options) or exit_at_once()
    )
    (folder / "result.json").write_text(json.dumps({"error": "e", "summary": {}, "per_neuron": {}}))
    assert run(folder).error == "e"
    assert started[0]["env"] == {} and "SENSORIUM_SECRET" in os.environ


def exit_at_once():
    class Process:
        returncode, stdin = 0, io.BytesIO()

        def poll(self):
            return 0

    return Process()


@pytest.mark.parametrize("content", ["", "[", "{}", '{"error": null, "summary": {}}'])
def test_a_result_that_cannot_be_read_is_none(folder, content):
    (folder / "result.json").write_text(content)
    with pytest.raises(child.ChildFailed, match="cannot be read"):
        child.read_result(folder)
