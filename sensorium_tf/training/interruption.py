"""Schedulers end a job with SIGTERM: a run notices, saves and says so."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator


class StopRequest:
    """Whether the process has been asked to end."""

    def __init__(self):
        self.received = False

    def _receive(self, *_) -> None:
        if self.received:  # asked twice: it cannot wait
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
        self.received = True


_active: list[StopRequest] = []


@contextlib.contextmanager
def stop_on_sigterm() -> Iterator[StopRequest]:
    """Notes the first SIGTERM while the block runs, instead of dying of it.

    Blocks within one another share one request. Outside of the main thread, where Python allows
    no handlers, nothing changes.

    Yields:
        What knows whether the signal came.
    """
    if _active:
        yield _active[-1]
        return
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = signal.signal(signal.SIGTERM, request._receive)
    _active.append(request)
    try:
        yield request
    finally:
        _active.remove(request)
        signal.signal(signal.SIGTERM, before)
