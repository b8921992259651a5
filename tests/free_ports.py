"""Ports for servers that are told theirs before they start."""

import itertools
import os
import re
import socket

# Below those that the system gives to whoever asks for any, or connects to others; each process
# that shares the tests has its own, and takes them in turn.
_FIRST, _COUNT = 20_000, 1_000
_PROCESS = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0) % 10
_NUMBERS = itertools.count(os.getpid())


def free_port():
    """Returns a port that nobody has, and that nobody gets who does not ask for it."""
    while True:
        port = _FIRST + _COUNT * _PROCESS + next(_NUMBERS) % _COUNT
        with socket.socket() as taken:
            try:
                taken.bind(("localhost", port))
            except OSError:
                continue
        return port
