"""Some neurons and trials of a mouse, for quick experiments and learning curves."""

import dataclasses
import operator

import numpy as np

from sensorium_tf.challenges import sensorium2022
from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.trials import Trials
from sensorium_tf.errors import SensoriumError
from sensorium_tf.kinds import check_kinds
from sensorium_tf.metrics import explainable_variance, has_repeats

# Tier whose repeats tell how reliable a neuron is.
_REPEATS = "test"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subset:
    """Which neurons and trials a run uses; the defaults are all of them, as published.

    Attributes:
      neurons: so many, drawn from those that the next four leave; None for all.
      unit_ids: only these; empty for all.
      areas: only neurons of these, such as `V1`; empty for all.
      layers: only neurons of these, such as `L2/3`; empty for all.
      min_reliability: only neurons with at least this explainable variance over the repeats of
        tier test, whose responses must be known; None for all.
      train_trials: so many trials to train on, drawn from those of `train_tiers`; the same seed
        draws a smaller number from the larger one's; None for all.
      train_tiers: tiers to train on.
      validation_tier: tier by which weights are chosen; what a run's files call `validation/...` is
        of it.
      subset_seed: of the draws.

    Raises:
      SensoriumError: if a value is not possible, or weights would be chosen by trials that they
        are trained on.
    """

    neurons: int | None = None
    unit_ids: tuple[int, ...] = ()
    areas: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    min_reliability: float | None = None
    train_trials: int | None = None
    train_tiers: tuple[str, ...] = ("train",)
    validation_tier: str = "validation"
    subset_seed: int = 0

    def __post_init__(self):
        self._normalize()
        check_kinds(self)
        for name in ("neurons", "train_trials"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SensoriumError(f"{name} {value}: expected at least 1")
        if self.subset_seed < 0:
            raise SensoriumError(f"subset_seed {self.subset_seed}: expected 0 or more")
        if self.min_reliability is not None and not 0 <= self.min_reliability < 1:
            raise SensoriumError(
                f"min_reliability {self.min_reliability}: expected a share of variance, 0 to 1"
            )
        if not self.train_tiers or len(set(self.train_tiers)) < len(self.train_tiers):
            raise SensoriumError("train_tiers: expected one tier or several different ones")
        for tier in (*self.train_tiers, self.validation_tier):
            if tier not in sensorium2022.CHALLENGE.tiers:
                raise SensoriumError(
                    f"tier {tier!r}: expected one of {', '.join(sensorium2022.CHALLENGE.tiers)}"
                )
        if self.validation_tier in self.train_tiers:
            raise SensoriumError(
                f"validation_tier {self.validation_tier}: is trained on as well: choose weights "
                "by another one"
            )

    def _normalize(self) -> None:
        """Makes a tuple of whole numbers of unit ids, and of a lone name."""
        try:
            unit_ids = tuple(dict.fromkeys(map(operator.index, self.unit_ids)))
        except TypeError as e:
            raise SensoriumError(f"unit_ids {self.unit_ids!r}: expected whole numbers") from e
        object.__setattr__(self, "unit_ids", unit_ids)
        for name in ("areas", "layers", "train_tiers"):
            # A lone name is meant as one, not as its letters.
            if isinstance(value := getattr(self, name), str):
                object.__setattr__(self, name, (value,))

    @property
    def of_neurons(self) -> bool:
        """Whether it leaves out neurons."""
        chosen = (self.unit_ids, self.areas, self.layers, self.neurons, self.min_reliability)
        return any(value not in ((), None) for value in chosen)

    @property
    def neurons_chosen_by(self) -> str | None:
        """Tier whose responses choose the neurons; None if none does."""
        return None if self.min_reliability is None else _REPEATS

    def describe(self) -> str:
        """Returns for people what it leaves, such as `500 neurons of area V1`; empty if all."""
        parts = []
        if self.of_neurons:
            number = "" if self.neurons is None else f"{self.neurons} "
            parts.append(f"{number}neurons")
            if self.unit_ids:
                parts.append(f"of {len(self.unit_ids)} unit ids")
            for name, values in (("area", self.areas), ("layer", self.layers)):
                if values:
                    parts.append(f"of {name} {' or '.join(values)}")
            if self.min_reliability is not None:
                parts.append(f"with FEV of at least {self.min_reliability:g} in tier {_REPEATS}")
        trials = [] if self.train_trials is None else [f"{self.train_trials} training trials"]
        drawn = self.neurons is not None or self.train_trials is not None
        seed = [f"drawn with seed {self.subset_seed}"] if drawn else []
        return ", ".join([*([" ".join(parts)] if parts else []), *trials, *seed])

    def neurons_of(self, mouse: Mouse) -> Mouse:
        """Returns the mouse with the chosen neurons alone.

        Raises:
          SensoriumError: if it has none or too few of them, or lacks what they are chosen by.
        """
        if not self.of_neurons:
            return mouse
        chosen = np.ones(mouse.n_neurons, bool)
        if self.unit_ids:
            missing = np.setdiff1d(self.unit_ids, mouse.unit_ids)
            if missing.size:
                raise SensoriumError(f"{mouse.name}: has no neuron with unit id {missing[0]}")
            chosen &= np.isin(mouse.unit_ids, self.unit_ids)
        for name, values in (("area", self.areas), ("layer", self.layers)):
            if values:
                chosen &= _has(mouse, name, values)
        if self.min_reliability is not None:
            chosen &= _reliability(mouse) >= self.min_reliability
        index = np.flatnonzero(chosen)
        if self.neurons is not None and len(index) >= self.neurons:
            index = np.sort(self._draw(index, self.neurons))
        elif self.neurons is not None or not len(index):
            raise SensoriumError(
                f"{mouse.name}: {len(index)} of its {mouse.n_neurons} neurons can be chosen, "
                f"expected at least {self.neurons or 1}"
            )
        return mouse.with_neurons(index)

    def n_train_trials_of(self, mouse: Mouse) -> int:
        """Returns how many trials of the mouse are trained on.

        Raises:
          SensoriumError: if it has too few.
        """
        there = sum(mouse.tiers.get(tier, 0) for tier in self.train_tiers)
        if self.train_trials is None:
            return there
        if self.train_trials > there:
            raise SensoriumError(
                f"{mouse.name}: has {there} trials to train on, but {self.train_trials} are "
                "asked for"
            )
        return self.train_trials

    def train_trials_of(self, mouse: Mouse) -> Trials:
        """Returns the trials of the mouse that are trained on, in order of tier and index.

        Raises:
          SensoriumError: if it has too few, or they cannot be read.
        """
        n_trials = self.n_train_trials_of(mouse)
        trials = Trials.concatenate([mouse.trials(tier) for tier in self.train_tiers])
        if n_trials == len(trials):
            return trials
        return trials.take(np.sort(self._draw(np.arange(len(trials)), n_trials)))

    def _draw(self, index: np.ndarray, number: int) -> np.ndarray:
        return np.random.default_rng(self.subset_seed).permutation(index)[:number]


def _has(mouse: Mouse, name: str, values: tuple[str, ...]) -> np.ndarray:
    """Tells which neurons have one of the values of a metadata column."""
    if name not in mouse.neurons:
        raise SensoriumError(f"{mouse.name}: its recording does not tell the {name} of neurons")
    column = mouse.neurons[name].astype(str)
    unknown = np.setdiff1d(values, column)
    if unknown.size:
        there = ", ".join(np.unique(column)[:20])
        raise SensoriumError(
            f"{mouse.name}: no neuron of {name} {str(unknown[0])!r}, only of {there}"
        )
    return np.isin(column, values)


def _reliability(mouse: Mouse) -> np.ndarray:
    """Returns the explainable variance of each neuron, `(neurons,)`."""
    mouse.check_tier(_REPEATS, responses=True)
    trials = mouse.trials(_REPEATS)
    if not has_repeats(trials.image_ids):
        raise SensoriumError(
            f"{mouse.name}: no image of tier {_REPEATS} is repeated, which reliability is about"
        )
    return explainable_variance(trials.responses, trials.image_ids)
