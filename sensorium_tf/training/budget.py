"""The time that a training may take, and what of it is left for each of its runs.

What earlier processes have taken counts: it is written down as it passes, beside what each run may
take. Nothing else of a run's folder holds a clock's values.
"""

import json
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sensorium_tf.io import atomic_write
from sensorium_tf.reading import read_json, reading

# What is planned for; the rest is for loading the last model and writing the whole's.
_PLANNED = 0.97
# A kill loses at most so much of the time that has passed.
_SECONDS_BETWEEN_NOTES = 5.0


class Budget:
    """The time of a whole training, shared out to its runs one after another.

    A run that takes less than its share leaves the rest to those that follow, in proportion. What
    it takes before its first step (models are built and compiled) is measured, and is kept back for
    each of them.

    Args:
        minutes: Of the whole command.
        file: Where the time that has passed is written down.
        weights: Each run, in order, to what it would take of the time in proportion.
        started: When the command began, by the clock; now if left out.
        writes: Whether this process is the one that writes.
        clock: Returns seconds.

    Raises:
        SensoriumError: If what is written down is damaged.
    """

    def __init__(
        self,
        minutes: float,
        file: Path,
        *,
        weights: Mapping[str, float],
        started: float | None = None,
        writes: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._seconds = 60 * minutes * _PLANNED
        self._file, self._weights, self._writes, self._clock = file, weights, writes, clock
        self._started = clock() if started is None else started
        self._before, self._ends, self._overhead = _read(file)
        self._noted, self._asked = -math.inf, None

    def passed(self) -> float:
        """Returns the seconds that all processes together have taken."""
        return self._before + self._clock() - self._started

    def share(self, run: str) -> "Share":
        """Returns the time of a run that begins, or goes on.

        Args:
            run: One of those that have weights.
        """
        # The libraries that were imported before the first one are a part of what it takes.
        self._asked = self._before if self._asked is None else self.passed()
        return Share(self, run)

    def end_of(self, run: str) -> float:
        """Returns when a run has to end, in seconds that the whole has taken."""
        return self._ends.get(run) or self._planned(run, overheads=1)

    def begin(self, run: str) -> None:
        """Plans a run whose first steps have been taken: what comes before them is known now."""
        if run not in self._ends:
            taken = self.passed() - self._asked
            # The least of all: what some need beside that (maps of receptive fields) is theirs.
            self._overhead = min(self._overhead, taken) if self._ends else taken
            self._ends[run] = self._planned(run, overheads=0)
        self.note(now=True)

    def _planned(self, run: str, *, overheads: int) -> float:
        """Returns when a run has to end, so many overheads after now and its share of the rest."""
        order = list(self._weights)
        here = order[order.index(run) :]
        passed, before = self.passed(), overheads * self._overhead
        rest = self._seconds - passed - before - self._overhead * (len(here) - 1)
        share = self._weights[run] / sum(self._weights[each] for each in here)
        return passed + before + max(0.0, rest) * share

    def note(self, *, now: bool = False) -> None:
        """Writes down the time that has passed.

        Args:
            now: Even if it was done a moment ago.
        """
        passed = self.passed()
        if self._writes and (now or passed - self._noted >= _SECONDS_BETWEEN_NOTES):
            with atomic_write(self._file) as file:
                times = {"seconds": passed, "ends": self._ends, "overhead": self._overhead}
                json.dump(times, file, indent=2)
            self._noted = passed


class Share:
    """The time of one run.

    Args:
        budget: Of the whole.
        run: Which run.
    """

    def __init__(self, budget: Budget, run: str):
        self._budget, self._run = budget, run
        self._end = budget.end_of(run)

    def begin(self) -> None:
        """Is called when the first steps have been taken."""
        self._budget.begin(self._run)
        self._end = self._budget.end_of(self._run)

    def left(self) -> float:
        """Returns the seconds that are left; 0 or less if none are."""
        return self._end - self._budget.passed()

    def note(self, *, now: bool = False) -> None:
        """Writes down the time that has passed, as `Budget.note`."""
        self._budget.note(now=now)


def _read(file: Path) -> tuple[float, dict[str, float], float]:
    """Returns the seconds so far, when runs have to end, and what one takes before its steps."""
    try:
        with reading(file, "is damaged", remedy="delete it, and the time counts anew"):
            values = read_json(file)
            ends = {str(run): float(end) for run, end in values["ends"].items()}
            return float(values["seconds"]), ends, float(values["overhead"])
    except FileNotFoundError:
        return 0.0, {}, 0.0
