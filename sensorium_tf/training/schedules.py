"""Learning rates and what follows from scores, as recipes name them."""

import abc
import contextlib
import dataclasses
import math

from sensorium_tf.schedule_settings import ScheduleSettings


@dataclasses.dataclass(frozen=True)
class Decision:
    """What follows from an epoch's score."""

    improved: bool
    restore_best: bool
    stop: bool


class Schedule(abc.ABC):
    """What decides learning rates, and what follows from scores.

    Attributes:
        best_score: So far; the first score is the first best.
        timed: Whether it follows the time that the run takes.
    """

    best_score = -math.inf
    timed = False

    @property
    @abc.abstractmethod
    def most_epochs(self) -> int:
        """How many epochs there will be at most."""

    @abc.abstractmethod
    def learning_rates(
        self, epoch: int, n_steps: int, *, steps: range | None = None
    ) -> list[float]:
        """Returns the learning rates of an epoch.

        Args:
            epoch: The first is 1.
            n_steps: Of the epoch.
            steps: Those that are asked for; all if left out.

        Returns:
            One for each step; fewer if the run ends before the last one.
        """

    @abc.abstractmethod
    def update(self, score: float) -> Decision:
        """Takes in a score.

        Args:
            score: Of an epoch, or of the untrained weights; higher is better.

        Returns:
            What to do before the next epoch.
        """

    @abc.abstractmethod
    def state(self) -> dict[str, float]:
        """Returns all that changes, as JSON values."""

    @abc.abstractmethod
    def restore(self, state: dict[str, float]) -> None:
        """Goes back to what `state` returned."""

    def around_steps(self, epoch: int, steps: range) -> contextlib.AbstractContextManager:
        """Returns what is entered while some steps of an epoch are taken."""
        return contextlib.nullcontext()

    def around_rest(self, epoch: int) -> contextlib.AbstractContextManager:
        """Returns what is entered while the rest of an epoch is done, such as its validation."""
        return contextlib.nullcontext()


class PlateauSchedule(Schedule):
    """Two counters of epochs without gain, side by side.

    The first brings the best weights back and counts anew; the second cuts the learning rate, and
    is reset by gains and by cuts, not by the return of the best weights.

    Args:
        settings: See `ScheduleSettings`.
        learning_rate: At the start.
        epochs: At most so many.

    Attributes:
        learning_rate: For the next epoch.
        best_score: So far.
    """

    def __init__(self, settings: ScheduleSettings, *, learning_rate: float, epochs: int):
        self._settings = settings
        self.learning_rate = learning_rate
        self._epochs = epochs
        self._since_gain = 0
        self._since_gain_or_cut = 0
        self._restarts = 0

    @property
    def most_epochs(self) -> int:
        """How many epochs there will be at most."""
        return self._epochs

    def learning_rates(
        self, epoch: int, n_steps: int, *, steps: range | None = None
    ) -> list[float]:
        """Returns the same learning rate for each step of the next epoch."""
        return [self.learning_rate] * (n_steps if steps is None else len(steps))

    def update(self, score: float) -> Decision:
        """Counts an epoch, after which the learning rate may be another; see `Schedule`."""
        settings = self._settings
        if score > self.best_score + settings.smallest_gain:
            self.best_score = score
            self._since_gain = self._since_gain_or_cut = 0
            return Decision(improved=True, restore_best=False, stop=False)
        self._since_gain += 1
        self._since_gain_or_cut += 1
        if self._since_gain_or_cut > settings.decay_patience:
            self._since_gain_or_cut = 0
            self.learning_rate = max(
                self.learning_rate * settings.decay_factor,
                min(self.learning_rate, settings.learning_rate_floor),
            )
        if self._since_gain < settings.patience:
            return Decision(improved=False, restore_best=False, stop=False)
        self._since_gain = 0
        self._restarts += 1
        return Decision(improved=False, restore_best=True, stop=self._restarts > settings.restarts)

    def state(self) -> dict[str, float]:
        """Returns all that changes, as JSON values."""
        return {
            "learning_rate": self.learning_rate,
            "best_score": self.best_score,
            "since_gain": self._since_gain,
            "since_gain_or_cut": self._since_gain_or_cut,
            "restarts": self._restarts,
        }

    def restore(self, state: dict[str, float]) -> None:
        """Goes back to what `state` returned."""
        self.learning_rate = state["learning_rate"]
        self.best_score = state["best_score"]
        self._since_gain = state["since_gain"]
        self._since_gain_or_cut = state["since_gain_or_cut"]
        self._restarts = state["restarts"]


class WarmupStableDecay(Schedule):
    """A learning rate that rises in a line, stays, and falls in a line to zero.

    Args:
        learning_rate: The highest.
        epochs: Until it is zero; not a whole number if the last one is cut short.
        warmup_epochs: In which it rises.
        cooldown_epochs: The last ones, in which it falls.

    Attributes:
        best_score: So far.
        epochs: Until the learning rate is zero.
    """

    def __init__(
        self,
        *,
        learning_rate: float,
        epochs: float,
        warmup_epochs: float,
        cooldown_epochs: float,
    ):
        self._learning_rate = learning_rate
        self.epochs = epochs
        self._cooldown_share = cooldown_epochs / epochs
        self._warmup_epochs = warmup_epochs
        self._cooldown_epochs = cooldown_epochs

    @property
    def most_epochs(self) -> int:
        """How many epochs there will be at most."""
        return math.ceil(self.epochs)

    def learning_rates(
        self, epoch: int, n_steps: int, *, steps: range | None = None
    ) -> list[float]:
        """Returns the learning rate of each step; see `Schedule`."""
        steps = range(n_steps) if steps is None else steps
        left = round((self.epochs - epoch + 1) * n_steps)
        return [self._at(epoch - 1 + step / n_steps, 1 / n_steps) for step in steps if step < left]

    def refit(self, epochs: float, *, done: float) -> None:
        """Lets the learning rate reach zero at another time, from where it is now.

        The warm-up takes at most a quarter of all epochs, the decay the share of them that it had
        at first; once that has begun, its slope alone changes.

        Args:
            epochs: Until it is zero.
            done: Epochs so far.
        """
        left = self.epochs - done
        if left < self._cooldown_epochs:
            self._cooldown_epochs *= (epochs - done) / left
        else:
            self._cooldown_epochs = min(self._cooldown_share * epochs, epochs - done)
            self._warmup_epochs = min(self._warmup_epochs, epochs / 4)
        self.epochs = epochs

    def _at(self, passed: float, step: float) -> float:
        """Returns the learning rate after some epochs; `step` is the length of a step in epochs."""
        left = self.epochs - passed
        if passed < self._warmup_epochs:
            return self._learning_rate * min(1.0, (passed + step) / self._warmup_epochs)
        if left < self._cooldown_epochs:
            return self._learning_rate * left / self._cooldown_epochs
        return self._learning_rate

    def update(self, score: float) -> Decision:
        """Remembers the best score; nothing else follows from it."""
        improved = score > self.best_score
        if improved:
            self.best_score = score
        return Decision(improved=improved, restore_best=False, stop=False)

    def state(self) -> dict[str, float]:
        """Returns all that changes, as JSON values."""
        return {
            "best_score": self.best_score,
            "epochs": self.epochs,
            "warmup_epochs": self._warmup_epochs,
            "cooldown_epochs": self._cooldown_epochs,
        }

    def restore(self, state: dict[str, float]) -> None:
        """Goes back to what `state` returned."""
        self.best_score = state["best_score"]
        self.epochs = state["epochs"]
        self._warmup_epochs = state["warmup_epochs"]
        self._cooldown_epochs = state["cooldown_epochs"]
