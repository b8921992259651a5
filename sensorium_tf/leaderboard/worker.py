"""A worker: takes what waits, scores it in a process of its own, writes the result down."""

import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sensorium_tf.errors import AccessError, SensoriumError, one_line
from sensorium_tf.leaderboard import child, queue, slices
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.database import DatabaseError
from sensorium_tf.leaderboard.differences import compare_next
from sensorium_tf.leaderboard.settings import ScoringLimits, WorkerSettings
from sensorium_tf.leaderboard.storage import Unreadable

_HEARTBEAT_SECONDS = queue.LEASE_SECONDS / 4
_IDLE_SECONDS = 1.0
_SWEEP_SECONDS = 600.0
_TRUTH = "ground_truth"


class _ToldToStop(Exception):  # noqa: N818 - no error
    """The worker is to end."""


def work_once(
    board: Board,
    limits: ScoringLimits | None = None,
    say: Callable[[str], None] = print,
    stop: threading.Event | None = None,
) -> bool:
    """Scores what has waited longest, or else compares two submissions.

    Args:
        board: The leaderboard.
        limits: Of the process that scores.
        say: Told, in a line each, what is done.
        stop: Ends the scoring when it is set; the work goes back into the queue.

    Returns:
        Whether there was anything to do.

    Raises:
        Unreadable: If the stored files cannot be reached; the work is back in the queue, and that
            was no attempt. It was one if this file alone is unreadable.
        OSError: If there is no room for a copy; as before.
    """
    work = queue.claim(board)
    if work is None:
        return compare_next(board)
    say(f"E{work.id}: {work.kind}, attempt {work.attempt}")
    try:
        try:
            result = _score(board, work, limits or ScoringLimits(), stop or threading.Event())
        except _ToldToStop:
            queue.give_back(board, work, counts=False)
        except Unreadable as e:
            alone = board.blobs.answers()
            queue.give_back(board, work, counts=alone)
            if not alone:
                raise
            say(f"E{work.id}: {one_line(e)}")
        except (AccessError, OSError) as e:
            queue.give_back(board, work, counts=False)
            raise OSError(one_line(e)) from e
        except (child.ChildFailed, SensoriumError) as e:
            say(f"E{work.id}: {one_line(e)}")
            queue.give_back(board, work)
        else:
            queue.finish(board, work, result)
            say(f"E{work.id}: {result.error or 'done'}")
    except queue.LeaseLost:
        say(f"E{work.id}: another worker has it")
    return True


def work(
    board: Board,
    stop: threading.Event,
    limits: ScoringLimits | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Works, and sweeps now and then, until it is told to stop; waits for what is away.

    Raises:
        NotOurs: If the files are another leaderboard's, as the first sweep finds.
    """
    sweeps = time.monotonic()
    while not stop.is_set():
        try:
            if time.monotonic() >= sweeps:
                sweeps = time.monotonic() + _SWEEP_SECONDS
                slices.sweep(board)
            if work_once(board, limits, say, stop):
                continue
        except (DatabaseError, Unreadable, OSError) as e:
            say(f"waiting: {one_line(e)}")
        stop.wait(_IDLE_SECONDS)


def run(board: Board, limits: ScoringLimits, settings: WorkerSettings) -> None:
    """Is a worker's process: works until SIGTERM, the end of its input, or the end of the work."""
    board.database.check_version()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if settings.until_eof:
        threading.Thread(target=_read_to_end, args=[stop], daemon=True).start()
    if settings.once:
        while work_once(board, limits, _say):
            pass
        return
    work(board, stop, limits, _say)


def _read_to_end(stop: threading.Event) -> None:
    # Python cannot end while a thread holds the lock of a buffered file.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    stop.set()


def _say(line: str) -> None:
    print(line, flush=True)


def _score(
    board: Board, work: queue.Work, limits: ScoringLimits, stop: threading.Event
) -> child.Result:
    beat = time.monotonic()

    def alive() -> bool:
        nonlocal beat
        if stop.is_set():
            raise _ToldToStop
        if time.monotonic() < beat + _HEARTBEAT_SECONDS:
            return True
        beat = time.monotonic()
        return queue.heartbeat(board, work)

    def kept() -> None:
        if not alive():
            raise queue.LeaseLost

    with tempfile.TemporaryDirectory(prefix="sensorium-scoring-") as name:
        folder = Path(name)
        board.blobs.copy_to(work.submission_sha256, folder / work.file_name, kept)
        board.blobs.copy_to(work.truth_sha256, folder / _TRUTH, kept)
        return child.run(
            folder,
            submission=work.file_name,
            truth=_TRUTH,
            challenge=work.challenge,
            track=work.rules,
            kind=work.kind,
            limits=limits,
            alive=alive,
        )
