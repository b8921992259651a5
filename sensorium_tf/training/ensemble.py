"""The mean of several members, of all of them or of those that a score chooses."""

import json
from collections.abc import Sequence

import numpy as np

from sensorium_tf.data import Mouse
from sensorium_tf.io import atomic_write
from sensorium_tf.metrics import single_trial_correlation
from sensorium_tf.models import EnsembleModel, FiringRateModel
from sensorium_tf.runs import RunStore, predict, save_model
from sensorium_tf.settings import TrainingSettings


class Ensemble:
    """Takes in members as they are trained, and makes the model of the whole.

    Args:
        settings: Of the whole. With `prune` the members are scored on the tier that chooses
            weights, and those stay that `choose_members` chooses.
        mice: Those of the settings, perhaps among others.
    """

    def __init__(self, settings: TrainingSettings, mice: Sequence[Mouse]):
        self._members: dict[str, FiringRateModel] = {}
        self._rates: dict[str, list[np.ndarray]] = {}
        self._trials = []
        self._prune = settings.stages.prune
        if self._prune:
            subset = settings.subset
            self._trials = [
                subset.validation_trials_of(mouse) for mouse in mice if mouse.name in settings.mice
            ]

    def add(self, name: str, model: FiringRateModel) -> None:
        """Takes in a member.

        Args:
            name: What it is called.
            model: Trained.
        """
        self._members[name] = model
        self._rates[name] = [predict(model, trials) for trials in self._trials]

    def save(self, store: RunStore, *, verbose: bool) -> list[int]:
        """Writes the model of the whole and, if members were chosen, `members.json`.

        Args:
            store: Folder of the whole.
            verbose: Whether to say which members stay.

        Returns:
            Numbers of the members that stay, in the order in which they were chosen.
        """
        names = list(self._members)
        if self._prune:
            responses = [trials.rows().responses for trials in self._trials]
            names, scores = choose_members(responses, self._rates)
            tier = self._trials[0].tiers[0]
            with atomic_write(store.path / "members.json") as file:
                json.dump({"tier": str(tier), "kept": names, "scores": scores}, file, indent=2)
            if verbose:
                print(
                    f"{len(names)} of {len(self._members)} members stay: {', '.join(names)} (tier "
                    f"{tier} correlation of their mean {scores[names[-1]]:.4f})"
                )
        members = [self._members[name] for name in names]
        mean = EnsembleModel(members, member_names=names, name=members[0].name)
        save_model(mean, store.model_file)
        return [list(self._members).index(name) for name in names]


def choose_members(
    responses: Sequence[np.ndarray], rates: dict[str, Sequence[np.ndarray]]
) -> tuple[list[str], dict[str, float]]:
    """Chooses members greedily: the best one, then whichever improves the mean most.

    Greedy forward selection (Caruana et al. 2004, "Ensemble selection from libraries of models"),
    without replacement; it ends when no member improves the score.

    Args:
        responses: Of each mouse, `(trials, neurons)`.
        rates: Member to its rates for each mouse, of the same shapes.

    Returns:
        The members in the order in which they were chosen, and the score of the mean after each of
        them: single-trial correlation, mean over the neurons of all mice.
    """
    chosen: list[str] = []
    scores: dict[str, float] = {}
    best, total = -np.inf, [np.zeros_like(each, np.float64) for each in responses]
    while left := [name for name in rates if name not in chosen]:
        found = {}
        for name in left:
            means = [
                (one + more) / (len(chosen) + 1)
                for one, more in zip(total, rates[name], strict=True)
            ]
            each = map(single_trial_correlation, responses, means)
            found[name] = float(np.concatenate(list(each)).mean())
        name = max(found, key=found.get)
        if found[name] <= best:
            break
        best = scores[name] = found[name]
        chosen.append(name)
        total = [one + more for one, more in zip(total, rates[name], strict=True)]
    return chosen, scores
