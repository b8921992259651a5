"""The process that scores one submission, and can take no more than it may.

Submissions are what strangers sent: they are parsed here, with limits of memory, time and files, an
empty environment, and nothing of the service in reach. `run` starts it, `main` is what it does.
"""

import contextlib
import dataclasses
import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sensorium_tf.challenges import Challenge, challenge_of
from sensorium_tf.errors import AccessError, SensoriumError, one_line
from sensorium_tf.leaderboard.settings import MIB, ScoringLimits
from sensorium_tf.metrics import metric_names
from sensorium_tf.registry import METRICS
from sensorium_tf.scoring.formats import format_of
from sensorium_tf.scoring.scores import score_neurons

# Threads and pools of libraries reserve memory that the limit counts.
_START = """
import os, sys
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "ARROW_IO_THREADS"):
    os.environ[name] = "1"
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
sys.path.insert(0, sys.argv[1])
from sensorium_tf.leaderboard.child import main
main(sys.argv[2:])
"""
_RESULT, _FOLDER = "result.json", Path(__file__).parents[2]
_OPEN_FILES = 256
_OUT_OF_MEMORY = ("MemoryError", "Cannot allocate memory")
_LONGEST_RESULT = 64 * MIB


class ChildFailed(RuntimeError):  # noqa: N818 - as Python's own ChildProcessError, of ours
    """The process ended without a result: it was killed, or took more than it may."""


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """What the scores of a submission are.

    Attributes:
        error: What is wrong with the file, for whoever sent it; None if nothing is.
        summary: As of `Scores.to_json`; empty where there are no scores.
        per_neuron: Metric to its values, `(neurons,)` float64; those that are defined.
    """

    error: str | None
    summary: Mapping[str, Any]
    per_neuron: Mapping[str, np.ndarray]


def run(
    folder: Path,
    *,
    submission: str,
    truth: str,
    challenge: str,
    track: str,
    kind: str,
    limits: ScoringLimits,
    alive: Callable[[], bool] = lambda: True,
    pause: float = 0.05,
) -> Result:
    """Scores a file, or checks it, in a process of its own.

    Args:
        folder: Holds both files and nothing else; the result is written into it.
        submission: File name.
        truth: File name of the ground truth; for a check, of its outline.
        challenge: By name.
        track: Of the challenge, such as `sensorium`.
        kind: `score`, or `check` of trials, images and neurons alone.
        limits: What it may take.
        alive: Called again and again; the process ends as soon as it returns False.
        pause: Seconds from one call to the next.

    Raises:
        ChildFailed: If there is no result.
    """
    what = [submission, truth, challenge, track, kind]
    arguments = [str(_FOLDER), *what, json.dumps(limits.to_json())]
    stderr = folder / "stderr"
    with stderr.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, *arguments],
            cwd=folder,
            env={},
            # Nothing is written into it: it ends when this process does, however that ends.
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=file,
            start_new_session=True,
        )
    with process.stdin:
        _watch(process, limits, alive, pause)
    if process.returncode:
        raise ChildFailed(_why(process.returncode, stderr))
    return read_result(folder)


def _watch(
    process: subprocess.Popen, limits: ScoringLimits, alive: Callable[[], bool], pause: float
) -> None:
    """Returns when the process has ended; ends it if it takes too long or is not wanted."""
    ends = time.monotonic() + limits.wall_seconds
    try:
        while process.poll() is None:
            if time.monotonic() > ends:
                raise ChildFailed(f"took more than {limits.wall_seconds:g} seconds")
            if not alive():
                raise ChildFailed("is no longer ours to score")
            time.sleep(pause)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main(arguments: list[str]) -> None:
    """Is the process: limits before anything of the files is read, but after our own modules."""
    submission, truth, name, track, kind, given = arguments
    _end_with_parent()
    challenge = challenge_of(name)
    # What is not installed here is not the file's fault.
    format_of(challenge).load()
    for each in metric_names(challenge):
        METRICS[each]
    _limit(ScoringLimits.from_json(json.loads(given)))
    score_files(submission, truth, challenge, track, kind)


def _end_with_parent() -> None:
    """Lets the end of the standard input end this process: by a signal, whatever it does then."""
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        # There is nothing to read: what answers is an end that came before.
        os.read(0, 1)
        sys.exit(1)


def score_files(submission: str, truth: str, challenge: Challenge, track: str, kind: str) -> None:
    """Writes the result for the two files into the working folder."""
    found: dict[str, Any] = {"error": None, "summary": {}, "per_neuron": {}}
    try:
        if kind == "check":
            for _ in format_of(challenge).aligned(submission, truth, challenge=challenge):
                pass
        else:
            scores = score_neurons(submission, truth, track=track, challenge=challenge)
            found["summary"] = scores.to_json()
            found["per_neuron"] = {
                name: values.tolist()
                for name, values in scores.per_neuron.items()
                if values is not None
            }
    except SensoriumError as e:
        # What is too large to be read is a fault of no other file than itself.
        if isinstance(e, AccessError) and not str(e).startswith(f"{submission}: "):
            raise
        found["error"] = one_line(e)
    # Python's text of a float is read back as the same float.
    Path(_RESULT).write_text(json.dumps(found), "utf-8")


def _limit(limits: ScoringLimits) -> None:
    for which, most in (
        (resource.RLIMIT_AS, limits.address_space),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (most, most))


def _why(returncode: int, stderr: Path) -> str:
    if returncode in (-signal.SIGKILL, -signal.SIGXCPU):
        return "took more computing time than it may, or was killed"
    lines = stderr.read_text("utf-8", "replace").strip().splitlines()
    if lines and any(text in lines[-1] for text in _OUT_OF_MEMORY):
        return "took more memory than it may"
    return f"ended with status {returncode}: {lines[-1] if lines else 'no word'}"


def read_result(folder: Path) -> Result:
    """Returns the result that `score_files` wrote into a folder.

    Raises:
        ChildFailed: If there is none that can be read.
    """
    path = folder / _RESULT
    try:
        if path.stat().st_size > _LONGEST_RESULT:
            raise ChildFailed("its result is too long")
        found = json.loads(path.read_text("utf-8"))
        values = {name: np.array(each, np.float64) for name, each in found["per_neuron"].items()}
        return Result(found["error"], found["summary"], values)
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ChildFailed(f"its result cannot be read: {one_line(e)}") from e
