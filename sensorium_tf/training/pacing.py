"""A schedule that is fitted into the time of a run."""

import contextlib
import math
from collections.abc import Callable, Iterator

from sensorium_tf.training.budget import Share
from sensorium_tf.training.schedules import WarmupStableDecay


class TimedSchedule(WarmupStableDecay):
    """Lets the learning rate of a run reach zero when its time is over.

    Args:
        share: The run's time.
        n_steps: Of an epoch.
        per_call: Steps that are taken in one call. A decay is completed in those of two, whatever
            the time.
        agreed: Returns the value of the process that decides, of one on every process.
        **options: As of `WarmupStableDecay`: what the run would do if it had time for that.
    """

    timed = True

    def __init__(
        self,
        share: Share,
        *,
        n_steps: int,
        per_call: int,
        agreed: Callable[[float], float],
        **options,
    ):
        super().__init__(**options)
        self._share, self._n_steps, self._per_call = share, n_steps, per_call
        self._agreed = agreed
        self._pace = Pace()

    def measure(self, take_steps: Callable[[int], None], *, done: float) -> None:
        """Begins the run's time: what compiling took is over then, and the pace is known.

        Args:
            take_steps: Takes a number of steps, which do not count.
            done: Epochs so far.
        """
        number = min(self._per_call, self._n_steps)
        # The first call has the loop compiled; the second one is measured.
        take_steps(number)
        with self._noted(lambda seconds: self._pace.add_steps(seconds, number)):
            take_steps(number)
        self._share.begin()
        self._fit(done)

    @contextlib.contextmanager
    def around_steps(self, epoch: int, steps: range) -> Iterator[None]:
        """Notes what some steps take while the block runs, and fits what follows."""
        with self._noted(lambda seconds: self._pace.add_steps(seconds, len(steps))):
            yield
        self._fit(epoch - 1 + steps.stop / self._n_steps)

    @contextlib.contextmanager
    def around_rest(self, epoch: int) -> Iterator[None]:
        """Notes what all of an epoch but its steps takes, and fits what follows."""
        with self._noted(self._pace.add_rest):
            yield
        self._fit(epoch)

    @contextlib.contextmanager
    def _noted(self, add: Callable[[float], None]) -> Iterator[None]:
        before = self._share.left()
        yield
        add(before - self._share.left())
        self._share.note()

    def _fit(self, done: float) -> None:
        """Changes it, if it is not at its end, to what is left of the time after some epochs."""
        if not self._pace.known or self.epochs <= done:
            return
        n_steps = self._n_steps
        fitting = self._pace.epochs_within(self._share.left(), done=done, n_steps=n_steps)
        shortest = min(self.epochs - done, 2 * self._per_call / n_steps)
        left = self._agreed(max(fitting, shortest))
        # Whole steps: with fractions of one, an epoch of no step might follow.
        self.refit(round((done + left) * n_steps) / n_steps, done=done)


class Pace:
    """How fast a run is: what an epoch's steps take, and what else it takes."""

    def __init__(self):
        self._step: float | None = None
        self._rest = 0.0

    @property
    def known(self) -> bool:
        """Whether any steps have been taken."""
        return self._step is not None

    def add_steps(self, seconds: float, n_steps: int) -> None:
        """Takes in what some steps have taken: the last ones count most."""
        step = seconds / n_steps
        self._step = step if self._step is None else 0.9 * self._step + 0.1 * step

    def add_rest(self, seconds: float) -> None:
        """Takes in what the validation of an epoch, and all that follows, has taken."""
        self._rest = seconds

    def epochs_within(self, seconds: float, *, done: float, n_steps: int) -> float:
        """Returns how many more epochs fit into a time, the last one perhaps cut short.

        Args:
            seconds: The time.
            done: Epochs so far.
            n_steps: Of an epoch.
        """
        steps, epochs = self._step * n_steps, 0.0
        to_end = math.floor(done) + 1 - done
        if seconds >= to_end * steps + self._rest:
            seconds -= to_end * steps + self._rest
            whole = int(seconds // (steps + self._rest))
            seconds -= whole * (steps + self._rest)
            epochs = to_end + whole
        return epochs + max(0.0, (seconds - self._rest) / steps)
