"""Work on many things in several processes, in which what fails stops nothing else."""

import collections
import contextlib
import dataclasses
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection
from pathlib import Path
from typing import Any

from absl import logging

from sensorium_tf.errors import SensoriumError
from sensorium_tf.quiet import quieten_tensorflow


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one piece of work.

    Attributes:
        item: Which one it was.
        error: What is wrong with it; None if it was done.
        warnings: What was warned of on the way.
    """

    item: Any
    error: str | None = None
    warnings: tuple[str, ...] = ()


def in_turn(work: Callable[[Any], None], items: Sequence[Any]) -> Iterator[Outcome]:
    """Does some work here, one item after another.

    Args:
        work: Takes an item; what it raises as SensoriumError is the item's error.
        items: What there is to do.
    """
    for item in items:
        try:
            work(item)
        except SensoriumError as e:
            yield Outcome(item, str(e))
        else:
            yield Outcome(item)


def in_processes(
    work: Callable[[Any], None], items: Sequence[Any], *, jobs: int
) -> Iterator[Outcome]:
    """Does some work in other processes, and yields what came of it as it comes.

    The processes end with this one, however it ends. One that dies, such as for lack of memory,
    costs the item that it worked on, and another takes its place.

    Args:
        work: As of `in_turn`; a function of a module, which the processes import.
        items: What there is to do, in this order.
        jobs: How many processes.
    """
    # A copy of this process, in which TensorFlow may have threads, could hang.
    context = multiprocessing.get_context("spawn")
    waiting = collections.deque(items)
    workers = [_Worker(context) for _ in range(min(jobs, len(items)))]
    idle, busy = list(workers), {}
    try:
        while waiting or busy:
            while idle and waiting:
                worker, item = idle.pop(), waiting.popleft()
                # That it has died already is seen below.
                with contextlib.suppress(OSError):
                    worker.pipe.send((work, item))
                busy[worker.pipe] = worker, item
            for pipe in connection.wait([*busy]):
                worker, item = busy.pop(pipe)
                try:
                    outcome = pipe.recv()
                except (EOFError, OSError):
                    outcome = Outcome(item, worker.death())
                    worker = _Worker(context)
                    workers.append(worker)
                idle.append(worker)
                yield outcome
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process, and this end of the pipe to it."""

    def __init__(self, context: Any):
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def death(self) -> str:
        """Returns what to say of a process that has died."""
        self._process.join()
        status = self._process.exitcode
        how = f"ended with status {status}" if status >= 0 else f"was ended by signal {-status}"
        return f"the process at work on it {how}: if memory was short, use fewer --jobs"

    def end(self) -> None:
        """Ends the process at once; what it left half made is removed the next time."""
        self._process.terminate()
        self._process.join()
        self.pipe.close()


def _serve(pipe: connection.Connection) -> None:
    """Does, in a process of its own, the work that comes through a pipe, until that is closed."""
    # Ctrl-C reaches all processes of a terminal; the one that started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    logging.set_verbosity(logging.ERROR)
    quieten_tensorflow()
    said: list[str] = []

    def keep(message, category, *_, **__):
        # What libraries say to their developers is not for the user.
        if issubclass(category, UserWarning):
            said.append(str(message))

    warnings.showwarning = keep
    while True:
        try:
            work, item = pipe.recv()
        except EOFError:
            return
        with _lines_alone():
            (outcome,) = in_turn(work, [item])
        pipe.send(dataclasses.replace(outcome, warnings=tuple(said)))
        said.clear()


@contextlib.contextmanager
def _lines_alone() -> Iterator[None]:
    """Hides what is printed to a terminal, where bars of several processes would be one mess."""
    with contextlib.ExitStack() as ends:
        if sys.stderr.isatty():
            nowhere = ends.enter_context(Path(os.devnull).open("w"))
            ends.enter_context(contextlib.redirect_stdout(nowhere))
            ends.enter_context(contextlib.redirect_stderr(nowhere))
        yield


def _end_with_parent() -> None:
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
