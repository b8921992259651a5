"""A schedule that is fitted into the time of a run."""

import contextlib
import math
from collections.abc import Callable, Iterator

from sensorium_tf.training.budget import Pace, Share
from sensorium_tf.training.schedules import WarmupStableDecay


class Pacing:
    """Lets the learning rate of a run reach zero when its time is over.

    Without a time it does nothing.

    Args:
        share: The run's time; None for as many epochs as its settings say.
        n_steps: Of an epoch.
        fewest_steps: In which a decay is completed, whatever the time.
        agreed: Returns the value of the process that decides, of one on every process.
    """

    def __init__(
        self,
        share: Share | None,
        *,
        n_steps: int,
        fewest_steps: int,
        agreed: Callable[[float], float],
    ):
        self._share, self._n_steps, self._fewest_steps = share, n_steps, fewest_steps
        self._agreed = agreed
        self._pace = Pace()

    @property
    def limited(self) -> bool:
        """Whether there is a time."""
        return self._share is not None

    def begin(self) -> None:
        """Is called when the first steps have been taken."""
        self._share.begin()

    @contextlib.contextmanager
    def steps(self, number: int) -> Iterator[None]:
        """Notes what some steps take while the block runs."""
        before = self._left()
        yield
        self._note(lambda: self._pace.add_steps(before - self._left(), number))

    @contextlib.contextmanager
    def rest(self) -> Iterator[None]:
        """Notes what all of an epoch but its steps takes while the block runs."""
        before = self._left()
        yield
        self._note(lambda: self._pace.add_rest(before - self._left()))

    def fit(self, schedule: WarmupStableDecay, *, done: float) -> None:
        """Changes a schedule that is not at its end to what is left of the time.

        Args:
            schedule: Of the run.
            done: Epochs so far.
        """
        if self._share is None or 0 < schedule.epochs <= done:
            return
        n_steps = self._n_steps
        fitting = self._pace.epochs_within(self._share.left(), done=done, n_steps=n_steps)
        shortest = min(schedule.epochs - done, self._fewest_steps / n_steps)
        left = self._agreed(max(fitting, shortest))
        # Whole steps: with fractions of one, an epoch of no step might follow.
        schedule.refit(round((done + left) * n_steps) / n_steps, done=done)

    def most_epochs(self, schedule: WarmupStableDecay, otherwise: int) -> int:
        """Returns how many epochs there will be at most."""
        return math.ceil(schedule.epochs) if self.limited else otherwise

    def _left(self) -> float:
        return 0.0 if self._share is None else self._share.left()

    def _note(self, add: Callable[[], None]) -> None:
        if self._share is not None:
            add()
            self._share.note()
