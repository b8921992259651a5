"""Some neurons and trials of a mouse, for quick experiments and learning curves."""

import dataclasses
import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

import numpy as np

from sensorium_tf.challenges import CHALLENGES, Challenge
from sensorium_tf.config import Config, hint, setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.metrics import explainable_variance, has_repeats

if TYPE_CHECKING:
    from sensorium_tf.data.mouse import Mouse
    from sensorium_tf.data.trials import Trials

# Tier whose repeats tell the FEV of a neuron.
_REPEATS = "test"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Subset(Config):
    """Which neurons and trials a run uses; the defaults are all of them, as published.

    Raises:
        SensoriumError: If a value is not possible, or weights would be chosen by trials that they
            are trained on.
    """

    title = "subset of neurons and trials"

    neurons: int | None = setting(
        None,
        "So many neurons of each mouse, drawn from those that the next four leave; None for all.",
        at_least=1,
    )
    unit_ids: tuple[int, ...] = setting((), "Only the neurons with these unit ids; none for all.")
    areas: tuple[str, ...] = setting((), "Only neurons of these areas, such as V1; none for all.")
    layers: tuple[str, ...] = setting(
        (), "Only neurons of these layers of cortex, such as L2/3; none for all."
    )
    min_fev: float | None = setting(
        None,
        "Only neurons with at least this explainable variance (FEV) over the repeats of tier test, "
        "whose responses must be known; None for all.",
        at_least=0,
        below=1,
    )
    train_trials: int | None = setting(
        None,
        "So many trials to train on, drawn from those of train_tiers; the same seed draws a "
        "smaller number from the larger one's; None for all.",
        at_least=1,
    )
    train_tiers: tuple[str, ...] = setting(("train",), "Tiers to train on.")
    validation_tier: str | None = setting(
        None,
        "Tier by which weights are chosen; validation/... in a run's files is of it. None for the "
        "challenge's: validation, or oracle of movies.",
    )
    folds: int | None = setting(
        None,
        "Reshuffles the trials to train on and those that choose weights into so many parts: a "
        "member for each part, by which its weights are chosen, trains on the others.",
        at_least=2,
        essential=True,
    )
    fold: int | None = setting(
        None, "One run of folds alone: the part that chooses its weights, from 1 on.", at_least=1
    )
    subset_seed: int = setting(0, "Of the drawn neurons and trials, and of folds.", at_least=0)

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "unit_ids", tuple(dict.fromkeys(self.unit_ids)))
        if not self.train_tiers or len(set(self.train_tiers)) < len(self.train_tiers):
            raise SensoriumError("train_tiers: expected one tier or several different ones")
        self._check_tiers(dict.fromkeys(t for each in CHALLENGES.values() for t in each.tiers))
        if self.validation_tier in self.train_tiers:
            raise SensoriumError(
                f"validation_tier {self.validation_tier}: is trained on as well: choose weights "
                "by another one"
            )
        if self.fold is not None and (self.folds is None or self.fold > self.folds):
            raise SensoriumError(f"fold {self.fold}: expected 1 to the number of folds")
        if self.folds is not None and self.train_trials is not None:
            raise SensoriumError("folds: not with train_trials: a fold takes all trials")

    def of_challenge(self, challenge: Challenge) -> Self:
        """Returns it with the tier by which weights are chosen, if it does not say one itself.

        Raises:
            SensoriumError: If the challenge has no such tier, or its mice cannot be chosen from so.
        """
        self._check_tiers(challenge.tiers)
        if challenge.recording.has_time:
            for name in ("min_fev", "folds"):
                if getattr(self, name) is not None:
                    raise SensoriumError(f"{name}: goes with images, not with movies")
        tier = self.validation_tier or challenge.validation_tier
        return dataclasses.replace(self, validation_tier=tier)

    def _check_tiers(self, known: Iterable[str]) -> None:
        for tier in (*self.train_tiers, self.validation_tier):
            if tier is not None and tier not in known:
                raise SensoriumError(f"tier {tier!r}: {hint(tier, known)}")

    @property
    def fitted_tiers(self) -> tuple[str, ...]:
        """Tiers with trials that weights are fitted to."""
        chosen = () if self.folds is None else (self.validation_tier,)
        return (*self.train_tiers, *chosen)

    @property
    def chooser(self) -> str:
        """The trials whose score chooses weights, in words: `validation`, `fold 2 of 5`."""
        if self.folds is None:
            return self.validation_tier
        return "its own fold" if self.fold is None else f"fold {self.fold} of {self.folds}"

    @property
    def of_neurons(self) -> bool:
        """Whether it leaves out neurons."""
        chosen = (self.unit_ids, self.areas, self.layers, self.neurons, self.min_fev)
        return any(value not in ((), None) for value in chosen)

    @property
    def tiers(self) -> tuple[str, ...]:
        """Tiers whose responses have a part in training."""
        tiers = (*self.train_tiers, self.validation_tier, self.neurons_chosen_by)
        return tuple(dict.fromkeys(tier for tier in tiers if tier is not None))

    @property
    def neurons_chosen_by(self) -> str | None:
        """Tier whose responses choose the neurons; None if none does."""
        return None if self.min_fev is None else _REPEATS

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
            if self.min_fev is not None:
                parts.append(f"with FEV of at least {self.min_fev:g} in tier {_REPEATS}")
        trials = [] if self.train_trials is None else [f"{self.train_trials} training trials"]
        drawn = self.neurons is not None or self.train_trials is not None
        seed = [f"drawn with seed {self.subset_seed}"] if drawn else []
        if self.folds is not None:
            tiers = " and ".join(self.fitted_tiers)
            which = f"all but fold {self.fold} of {self.folds}"
            if self.fold is None:
                which = f"{self.folds} folds"
            seed.append(f"{which} of {tiers}, reshuffled with seed {self.subset_seed}")
        return ", ".join([*([" ".join(parts)] if parts else []), *trials, *seed])

    def neurons_of(self, mouse: "Mouse") -> "Mouse":
        """Returns the mouse with the chosen neurons alone.

        Raises:
            SensoriumError: If it has none or too few of them, or lacks what they are chosen by.
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
        if self.min_fev is not None:
            chosen &= _fev(mouse) >= self.min_fev
        index = np.flatnonzero(chosen)
        if self.neurons is not None and len(index) >= self.neurons:
            index = np.sort(self._draw(index, self.neurons))
        elif self.neurons is not None or not len(index):
            raise SensoriumError(
                f"{mouse.name}: {len(index)} of its {mouse.n_neurons} neurons can be chosen, "
                f"expected at least {self.neurons or 1}"
            )
        return mouse.with_neurons(index)

    def n_train_trials_of(self, mouse: "Mouse") -> int:
        """Returns how many trials of the mouse are trained on.

        Raises:
            SensoriumError: If it has too few.
        """
        if self.fold is not None:
            return int((~self._in_fold(mouse)).sum())
        there = sum(mouse.tiers.get(tier, 0) for tier in self.train_tiers)
        if self.train_trials is None:
            return there
        if self.train_trials > there:
            raise SensoriumError(
                f"{mouse.name}: has {there} trials to train on, but {self.train_trials} are "
                "asked for"
            )
        return self.train_trials

    def train_trials_of(self, mouse: "Mouse") -> "Trials":
        """Returns the trials of the mouse that are trained on, in order of tier and index.

        Raises:
            SensoriumError: If it has too few, or they cannot be read.
        """
        if self.fold is not None:
            whole = self.of_challenge(mouse.challenge).fitted_tiers
            return _together(mouse, whole).take(np.flatnonzero(~self._in_fold(mouse)))
        n_trials = self.n_train_trials_of(mouse)
        trials = _together(mouse, self.train_tiers)
        if n_trials == len(trials):
            return trials
        return trials.take(np.sort(self._draw(np.arange(len(trials)), n_trials)))

    def validation_trials_of(self, mouse: "Mouse") -> "Trials":
        """Returns the trials of the mouse whose score chooses weights.

        Raises:
            SensoriumError: If they cannot be read.
        """
        chosen = self.of_challenge(mouse.challenge)
        if self.fold is None:
            return mouse.trials(chosen.validation_tier)
        return _together(mouse, chosen.fitted_tiers).take(np.flatnonzero(self._in_fold(mouse)))

    def _in_fold(self, mouse: "Mouse") -> np.ndarray:
        """Tells which trials choose weights; all that show an image are on one side."""
        image_ids = _image_ids(mouse, self.of_challenge(mouse.challenge).fitted_tiers)
        images = np.unique(image_ids)
        if len(images) < self.folds:
            raise SensoriumError(
                f"{mouse.name}: {len(images)} images cannot be shared out to {self.folds} folds"
            )
        fold = self._draw(images, len(images))[self.fold - 1 :: self.folds]
        return np.isin(image_ids, fold)

    def _draw(self, index: np.ndarray, number: int) -> np.ndarray:
        return np.random.default_rng(self.subset_seed).permutation(index)[:number]


def _together(mouse: "Mouse", tiers: tuple[str, ...]) -> "Trials":
    parts = [mouse.trials(tier) for tier in tiers]
    return parts[0].concatenate(parts)


# A run asks several times, and the trials have to be read for it.
@functools.lru_cache(maxsize=16)
def _image_ids(mouse: "Mouse", tiers: tuple[str, ...]) -> np.ndarray:
    return _together(mouse, tiers).image_ids


def _has(mouse: "Mouse", name: str, values: tuple[str, ...]) -> np.ndarray:
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


def _fev(mouse: "Mouse") -> np.ndarray:
    """Returns the explainable variance of each neuron, `(neurons,)`."""
    mouse.check_tier(_REPEATS, responses=True)
    trials = mouse.trials(_REPEATS)
    if not has_repeats(trials.image_ids):
        raise SensoriumError(
            f"{mouse.name}: no image of tier {_REPEATS} is repeated, by which FEV is told"
        )
    return explainable_variance(trials.responses, trials.image_ids)
