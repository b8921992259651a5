"""Commands, and what becomes of processes."""

import os
import subprocess
import sys
import time
from pathlib import Path

#: Seconds that nothing takes but what hangs, however slow the machine is.
PATIENCE = 300
_PAUSE = 0.05
_ROOT = Path(__file__).parents[2]


def is_there(pid):
    """Tells whether a process runs; one that ended and waits for its parent does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def wait_for(condition):
    """Waits, but not for ever, until something is so; returns whether it is."""
    for _ in range(int(PATIENCE / _PAUSE)):
        if condition():
            return True
        time.sleep(_PAUSE)
    return condition()


def command(verb, *flags, token=None):
    """Runs a command of the package, with a token for the leaderboard."""
    variables = {**os.environ, "SENSORIUM_TOKEN": token or ""}
    return subprocess.run(
        [sys.executable, "-m", "sensorium_tf", verb, *flags],
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env=variables,
    )
