"""Work in several processes, in which what fails stops nothing else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from process_work import work

import sensorium_tf
from sensorium_tf.data.processes import in_processes, in_turn

FOREVER = """
import signal, sys
# A shell's background jobs, and what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[:0] = sys.argv[1:]
from process_work import work
from sensorium_tf.data.processes import in_processes
if __name__ == "__main__":
    list(in_processes(work, ["goes on", "goes on", "fine"], jobs=2))
"""


def test_what_fails_or_dies_costs_nothing_but_itself():
    items = ["fine", "fails", "dies", "warns", "fine too"]
    found = {each.item: each for each in in_processes(work, items, jobs=2)}
    assert set(found) == set(items)
    assert found["fails"].error == "bad.zip: cannot be read"
    assert "was ended by signal 9: if memory was short, use fewer --jobs" in found["dies"].error
    assert found["warns"].warnings == ("odd.zip: is odd",)
    assert all(found[name].error is None for name in ("fine", "warns", "fine too"))


def test_the_same_in_turn():
    errors = [each.error for each in in_turn(work, ["fails", "fine"])]
    assert errors == ["bad.zip: cannot be read", None]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_processes_end_with_the_one_that_started_them(how, tmp_path):
    script = tmp_path / "forever.py"
    script.write_text(FOREVER)
    places = [Path(__file__).parents[1], Path(sensorium_tf.__file__).parents[1]]
    parent = subprocess.Popen(
        [sys.executable, script, *places],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert [parent.stdout.readline() for _ in range(2)] == [b"at work\n"] * 2
    os.kill(parent.pid, how)
    # They hold its other end: it is closed once all of them are gone.
    assert parent.stdout.read() == b""
    assert parent.wait() != 0
