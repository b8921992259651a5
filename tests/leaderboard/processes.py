"""What becomes of processes."""

import time
from pathlib import Path

#: Seconds that nothing takes but what hangs, however slow the machine is.
PATIENCE = 300


def is_there(pid):
    """Tells whether a process runs; one that ended and waits for its parent does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def wait_for(condition):
    """Waits, but not for ever, until something is so; returns whether it is."""
    ends = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True
