import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.locking import only_process

HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process, which holds the lock."""
    path = tmp_path / "run" / ".lock"
    path.parent.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield path, process
    process.kill()
    process.wait()
    process.stdout.close()


def test_what_another_process_does_is_said_with_its_folder(holder):
    path, _ = holder
    with pytest.raises(SensoriumError) as error, only_process(path, "training"):
        pytest.fail("the block ran")
    assert str(error.value) == (
        f"another process is training in {path.parent}: wait until it is done"
    )


def test_only_one_holds_the_lock(tmp_path):
    lock = tmp_path / ".lock"
    with (
        only_process(lock, "training"),
        pytest.raises(SensoriumError, match="another process"),
        only_process(lock, "training"),
    ):
        pytest.fail("the block ran")


def test_a_killed_process_leaves_no_lock(holder):
    path, process = holder
    process.send_signal(signal.SIGKILL)
    process.wait()
    with only_process(path, "training"):
        pass


@pytest.mark.parametrize("error", [None, RuntimeError, KeyboardInterrupt])
def test_the_lock_is_free_after_the_block_however_it_ends(tmp_path, error):
    path = tmp_path / "new" / "folder" / ".lock"
    try:
        with only_process(path, "training"):
            if error:
                raise error
    except (RuntimeError, KeyboardInterrupt) as e:
        assert type(e) is error
    with only_process(path, "training"):
        pass


def test_an_error_of_the_block_is_not_taken_for_a_held_lock(tmp_path):
    with pytest.raises(BlockingIOError), only_process(tmp_path / ".lock", "training"):
        raise BlockingIOError


def test_a_file_system_without_locks_lets_the_work_go_on(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with only_process(tmp_path / ".lock", "training"):
        done = True
    assert done


def test_a_system_without_locks_lets_the_work_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr("sensorium_tf.locking.fcntl", None)
    with only_process(tmp_path / ".lock", "a"), only_process(tmp_path / ".lock", "b"):
        done = True
    assert done
