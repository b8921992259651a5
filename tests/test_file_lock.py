import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.io import file_lock

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process, which holds the lock."""
    path = tmp_path / "run" / ".lock"
    path.parent.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield path, process
    process.kill()
    process.communicate()


def test_what_another_process_does_is_said_with_its_folder(holder):
    path, _ = holder
    with pytest.raises(SensoriumError) as error, file_lock(path, "training"):
        pytest.fail("the block ran")
    assert str(error.value) == (
        f"another process is training in {path.parent}: wait until it is done"
    )


WAITER = """
import signal, sys
from sensorium_tf.io import file_lock
# A shell's background jobs, and what they start, ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
with file_lock(sys.argv[1], "preparing", wait=True):
    print("mine", flush=True)
"""


@pytest.fixture
def waiter(holder):
    """A process that waits for the lock, and has said so."""
    path, _ = holder
    with subprocess.Popen(
        [sys.executable, "-c", WAITER, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        # TensorFlow may greet first.
        waiting = f"waiting: another process is preparing in {path.parent}\n"
        assert any(line == waiting for line in process.stderr)
        yield process
        process.kill()


def test_a_process_that_waits_goes_on_when_the_other_is_done(holder, waiter):
    holder[1].kill()
    assert waiter.communicate() == ("mine\n", "")
    assert waiter.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait(waiter, number):
    waiter.send_signal(number)
    out, err = waiter.communicate()
    assert waiter.returncode == -number
    assert not out and (number == signal.SIGTERM or err.endswith("KeyboardInterrupt\n"))


def test_a_link_is_not_followed(tmp_path):
    theirs = tmp_path / "thesis.txt"
    theirs.write_text("years of work")
    lock = tmp_path / "checkpoints" / ".lock"
    lock.parent.mkdir()
    lock.symlink_to(theirs)
    with pytest.raises(SensoriumError) as refused, file_lock(lock, "training"):
        pytest.fail("the block ran")
    assert str(refused.value) == (
        f"{lock}: is a link, folder or device, expected a lock file of this package: delete it"
    )
    assert theirs.read_text() == "years of work"


def test_a_link_to_nowhere_makes_no_file(tmp_path):
    (tmp_path / ".lock").symlink_to(tmp_path / "new")
    with pytest.raises(SensoriumError), file_lock(tmp_path / ".lock", "training"):
        pytest.fail("the block ran")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_refused(tmp_path, make):
    make(tmp_path / ".lock")
    with (
        pytest.raises(SensoriumError, match="lock: is a link, folder or device"),
        file_lock(tmp_path / ".lock", "training"),
    ):
        pytest.fail("the block ran")


def test_the_content_of_a_file_of_that_name_stays(tmp_path):
    (tmp_path / ".lock").write_text("years of work")
    with file_lock(tmp_path / ".lock", "training"):
        pass
    assert (tmp_path / ".lock").read_text() == "years of work"


def test_only_one_holds_the_lock(tmp_path):
    lock = tmp_path / ".lock"
    with (
        file_lock(lock, "training"),
        pytest.raises(SensoriumError, match="another process"),
        file_lock(lock, "training"),
    ):
        pytest.fail("the block ran")


def test_a_killed_process_leaves_no_lock(holder):
    path, process = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    with file_lock(path, "training"):
        pass


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_the_lock_is_free_after_the_block_however_it_ends(tmp_path, error):
    path = tmp_path / "new" / "folder" / ".lock"
    try:
        with file_lock(path, "training"):
            if error:
                raise error
    except (RuntimeError, KeyboardInterrupt) as e:
        assert type(e) is error
    with file_lock(path, "training"):
        pass


def test_an_error_of_the_block_is_not_taken_for_a_held_lock(tmp_path):
    with pytest.raises(BlockingIOError), file_lock(tmp_path / ".lock", "training"):
        raise BlockingIOError


def test_a_file_system_without_locks_lets_the_work_go_on(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with file_lock(tmp_path / ".lock", "training"):
        done = True
    assert done


def test_a_system_without_locks_lets_the_work_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr("sensorium_tf.io.fcntl", None)
    with file_lock(tmp_path / ".lock", "a"), file_lock(tmp_path / ".lock", "b"):
        done = True
    assert done
