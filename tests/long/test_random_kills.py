"""A run that is killed at random moments ends as if it had not been."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import sensorium_tf
from sensorium_tf.runs import load_model

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
N_KILLS = 20
# An epoch takes about as long, so that kills fall into steps, validation and writing alike.
LONGEST_WAIT = 1.5


def start(workdir, prepared, log):
    flags = [
        "--mice=full,short",
        f"--workdir={workdir}",
        f"--data_dir={prepared}",
        "--recipe=fast",
        "--epochs=60",
        "--batch_size=2",
        "--hidden_channels=16",
        "--deterministic",
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(sensorium_tf.__file__).parents[1])}
    return subprocess.Popen(
        [sys.executable, ROOT / "launch" / "train.py", *flags],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )


def saved(workdir):
    return {path.name for path in (workdir / "checkpoints").glob("[0-9]*.npz")}


def test_a_run_that_is_killed_at_random_moments_ends_as_if_it_had_not_been(prepared, tmp_path):
    draw = random.Random(0)
    with (tmp_path / "log").open("w+") as log:
        assert start(tmp_path / "whole", prepared, log).wait() == 0
        killed = tmp_path / "killed"
        for number in range(N_KILLS):
            before = saved(killed)
            process = start(killed, prepared, log)
            while process.poll() is None and saved(killed) == before:
                time.sleep(0.01)
            time.sleep(draw.uniform(0, LONGEST_WAIT))
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, f"ended before kill {number}"
        assert start(killed, prepared, log).wait() == 0
    ours, theirs = ((tmp_path / name / "metrics.jsonl").read_text() for name in ("killed", "whole"))
    assert ours == theirs
    ours, theirs = (load_model(tmp_path / name / "model.keras") for name in ("killed", "whole"))
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
