"""Runs that are killed at bad moments come to what a run comes to that is not."""

import json
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sensorium_tf import SensoriumError
from sensorium_tf.data import load_mouse
from sensorium_tf.runs import RunRecord, RunStore, load_model
from sensorium_tf.settings import TrainingSettings

ROOT = Path(__file__).parents[2]
# Runs launch/train.py; at one moment it is killed, or gets SIGTERM.
DRIVER = """
import json, os, runpy, signal, sys
import keras, numpy
from sensorium_tf.runs import checkpoint, store
from sensorium_tf.training import step

moment, *sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.dirname(sys.argv[0]))
calls = {"left": 4}

def now():
    calls["left"] -= 1
    return calls["left"] == 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def before(owner, name, act):
    real = getattr(owner, name)
    def wrapped(*args, **kwargs):
        if now():
            act(*args)
        return real(*args, **kwargs)
    setattr(owner, name, wrapped)

if moment == "writing the configuration":
    calls["left"] = 1
    before(json, "dump", lambda _, file: (file.write("half"), file.flush(), die()))
elif moment == "in a step":
    before(step.Steps, "__call__", lambda *_: die())
elif moment == "sigterm":
    before(step.Steps, "__call__", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
elif moment == "writing a checkpoint":
    calls["left"] = 2
    before(numpy, "savez", lambda file: (file.write(b"half a checkpoint"), file.flush(), die()))
elif moment == "before a checkpoint":
    calls["left"] = 2
    before(checkpoint.Checkpoints, "save", lambda *_: die())
elif moment == "after a checkpoint":
    calls["left"] = 2
    before(store.RunStore, "write_metrics", lambda *_: die())
elif moment == "writing the model":
    calls["left"] = 1
    def half(model, path):
        path.write_bytes(b"half a model")
        die()
    before(keras.Model, "save", half)
else:
    assert moment == "never"
runpy.run_path(sys.argv[0], run_name="__main__")
"""
MOMENTS = (
    "writing the configuration",
    "in a step",
    "writing a checkpoint",
    "before a checkpoint",
    "after a checkpoint",
    "writing the model",
)


@pytest.fixture(scope="module")
def run(prepared, warm_python):
    """Trains in a process of its own, which something may happen to."""

    def run_until(workdir, moment="never"):
        flags = [
            "--mice=full,short",
            f"--workdir={workdir}",
            f"--data_dir={prepared}",
            "--recipe=fast",
            "--epochs=4",
            "--batch_size=3",
            "--ema_decay=0.9",
            "--clip_norm=100",
            "--hidden_channels=4",
            "--n_blocks=1",
            "--deterministic",
        ]
        return warm_python.run("-c", DRIVER, moment, ROOT / "launch" / "train.py", *flags)

    return run_until


@pytest.fixture(scope="module")
def whole(run, tmp_path_factory):
    """Workdir of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    done = run(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def assert_equal_runs(ours, theirs):
    assert (ours / "metrics.jsonl").read_text() == (theirs / "metrics.jsonl").read_text()
    for a, b in zip(
        load_model(ours / "model.keras").get_weights(),
        load_model(theirs / "model.keras").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_a_run_that_is_killed_again_and_again_ends_as_if_it_had_not_been(whole, run, tmp_path):
    folder = tmp_path / "run"
    for moment in MOMENTS:
        done = run(folder, moment)
        assert done.returncode == -9, (moment, done.stdout[-500:], done.stderr[-2000:])
    done = run(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    assert_equal_runs(folder, whole)
    leftovers = [path.name for path in folder.rglob("*") if path.name.endswith(".tmp")]
    assert len(leftovers) <= 2, leftovers  # a killed process cannot tidy up
    board = EventAccumulator(str(folder / "tensorboard"), size_guidance={"tensors": 0})
    board.Reload()
    assert {event.step for event in board.Tensors("loss/total")} == {1, 2, 3, 4}


def test_what_a_killed_run_left_is_not_taken_for_a_user_s_file(prepared, tmp_path):
    mice = [load_mouse("full", data_dir=prepared)]
    folder = RunStore(tmp_path)
    record = RunRecord.new(TrainingSettings(mice=("full",)), mice)
    (tmp_path / "checkpoints").mkdir()
    for name in (".config.json.0123abcd.tmp", "checkpoints/.000000001.npz.0123abcd.tmp"):
        (tmp_path / name).touch()
    folder.check(record)
    notes = tmp_path / ".notes.tmp"
    notes.touch()
    with pytest.raises(SensoriumError, match="holds files but no run"):
        folder.check(record)
    notes.unlink()
    with folder.claimed(record):
        notes.touch()
    assert [path.name for path in tmp_path.rglob("*.tmp")] == [notes.name]


def test_sigterm_saves_the_steps_so_far_and_has_a_status_of_its_own(whole, run, tmp_path):
    folder = tmp_path / "run"
    done = run(folder, "sigterm")
    assert done.returncode == 75, done.stderr[-2000:]
    stopped = [line for line in done.stderr.splitlines() if line.startswith("stopped:")]
    assert len(stopped) == 1 and "the same command goes on" in stopped[0]
    newest = sorted((folder / "checkpoints").glob("*.npz"))[-1]
    with np.load(newest) as file:
        state = json.loads(str(file["state"]))
    assert 0 < state["partial"]["step"] < 4
    done = run(folder)
    assert done.returncode == 0, done.stderr[-2000:]
    assert_equal_runs(folder, whole)


def test_the_same_seed_gives_the_same_bits_in_another_process(whole, run, tmp_path):
    done = run(tmp_path / "run")
    assert done.returncode == 0, done.stderr[-2000:]
    assert_equal_runs(tmp_path / "run", whole)
    shutil.rmtree(tmp_path / "run")


def test_until_the_mice_are_open_sigterm_ends_the_process(tmp_path, monkeypatch):
    """There is nothing to save, and a wait for another process that prepares a mouse has to end."""
    from sensorium_tf.training import trainer

    def open_mice(*_, **__):
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        raise SensoriumError("far enough")

    monkeypatch.setattr(trainer, "open_mice", open_mice)
    with pytest.raises(SensoriumError, match="far enough"):
        trainer.train_run(TrainingSettings(mice=("full",)), tmp_path / "run")
