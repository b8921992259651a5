"""What training steps come to: losses summed up, and what was not finite."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from sensorium_tf.errors import SensoriumError


@dataclasses.dataclass(frozen=True, eq=False)
class BadStep:
    """A step whose loss or gradients were not finite.

    Attributes:
        index: Of the step within the call.
        losses: Mouse to its Poisson loss.
        gradients: Path of each weight to its largest absolute gradient, before any clipping and
            summed over devices; infinite where one was NaN.
    """

    index: int
    losses: Mapping[str, float]
    gradients: Mapping[str, float]

    def error(self, epoch: int, first_step: int, *, remedy: str) -> SensoriumError:
        """Returns what to say of it: what was not finite, and the values that tell whose.

        Args:
            epoch: In which it was.
            first_step: Of the call, within the epoch.
            remedy: What to do.
        """
        bad_mice = [mouse for mouse, loss in self.losses.items() if not np.isfinite(loss)]
        # Of several infinite ones the core's come from a readout's: name that.
        of_mouse = [any(f"readout_{m}" in path for m in bad_mice[:1]) for path in self.gradients]
        order = np.nan_to_num(list(self.gradients.values()), nan=np.inf, posinf=np.inf)
        path = list(self.gradients)[int(np.lexsort((of_mouse, order))[-1])]
        losses = ", ".join(f"{mouse} {loss:.6g}" for mouse, loss in self.losses.items())
        return SensoriumError(
            f"the {'loss' if bad_mice else 'gradient'} became infinite or NaN in step "
            f"{first_step + self.index + 1} of epoch {epoch} (loss of {losses}; largest gradient "
            f"{self.gradients[path]:.3g}, of {path}): {remedy}"
        )


@dataclasses.dataclass(frozen=True, eq=False)
class StepTotals:
    """What some steps come to.

    Attributes:
        poisson: Poisson loss of each mouse, summed over the steps, each times the mouse's trials.
        penalties: Likewise each of the model's penalties, in their order, times the trials of all
            mice.
        stopped: Whether some process has asked to stop.
        bad: The first step that was not finite, or None.
    """

    poisson: np.ndarray
    penalties: np.ndarray
    stopped: bool
    bad: BadStep | None


@dataclasses.dataclass(eq=False)
class EpochTotals:
    """The steps of an epoch so far, summed up.

    Attributes:
        step: How many.
        n_trials: Of each mouse.
        poisson: As in `StepTotals`.
        penalties: Likewise.
    """

    step: int
    n_trials: np.ndarray
    poisson: np.ndarray
    penalties: np.ndarray

    @classmethod
    def new(cls, n_mice: int, n_penalties: int) -> "EpochTotals":
        """Returns those of an epoch that has not begun."""
        return cls(0, np.zeros(n_mice), np.zeros(n_mice), np.zeros(n_penalties))

    @classmethod
    def load(cls, state: Mapping, n_mice: int, n_penalties: int) -> "EpochTotals":
        """Returns what `state` described; raises KeyError, TypeError or ValueError for others."""
        new = cls.new(n_mice, n_penalties)
        made = cls(
            int(state["step"]),
            *(np.array(state[name], np.float64) for name in ("n_trials", "poisson", "penalties")),
        )
        shapes = (each.shape for each in (made.n_trials, made.poisson, made.penalties))
        if tuple(shapes) != (new.n_trials.shape, new.poisson.shape, new.penalties.shape):
            raise ValueError("sums of another run")
        return made

    def add(self, n_trials: Sequence[Sequence[int]], totals: StepTotals) -> None:
        """Adds some steps, each with so many trials of each mouse."""
        self.step += len(n_trials)
        self.n_trials = self.n_trials + np.sum(n_trials, axis=0)
        self.poisson = self.poisson + totals.poisson
        self.penalties = self.penalties + totals.penalties

    def losses(self, mice: Sequence[str], labels: Sequence[str]) -> dict[str, float]:
        """Returns the mean loss over the trials, and its parts.

        Args:
            mice: Names, in the order of the sums.
            labels: Of the penalties, likewise.
        """
        poisson = self.poisson / self.n_trials
        penalties = self.penalties / self.n_trials.sum()
        each = {f"loss/{m}": float(p) for m, p in zip(mice, poisson, strict=True)}
        return {
            "loss/total": float(poisson.sum() + penalties.sum()),
            "loss/poisson": float(poisson.sum()),
            **{f"loss/{n}": float(v) for n, v in zip(labels, penalties, strict=True)},
            **(each if len(mice) > 1 else {}),
        }

    def loss_per_neuron(
        self,
        sizes: Sequence[Sequence[int]],
        n_train_trials: Sequence[int],
        n_rates: Sequence[int],
    ) -> float:
        """Returns the Poisson loss as `callbacks.LOSS` says.

        Args:
            sizes: Trials of each mouse in each of the steps.
            n_train_trials: Trials that each mouse is trained on.
            n_rates: Rates of each mouse in a trial: of its neurons, in each frame of a movie.
        """
        # A step's loss is the sum over its trials and neurons, times this root.
        scales = np.sqrt(n_train_trials)
        per_trial = self.poisson / (scales * (np.array(sizes, float) ** 1.5).sum(axis=0))
        return float(per_trial.sum() / np.sum(n_rates))

    def state(self) -> dict:
        """Returns it as JSON values."""
        return {
            "step": self.step,
            "n_trials": self.n_trials.tolist(),
            "poisson": self.poisson.tolist(),
            "penalties": self.penalties.tolist(),
        }
