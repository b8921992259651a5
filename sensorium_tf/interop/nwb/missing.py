"""Trials of an NWB file whose values are not known: withheld, or lost."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import RESPONSE

_REMEDY = "take a signal out of the mapping to do without it"


def known_trials(
    path: Path, signals: Mapping[str, np.ndarray], tiers: np.ndarray, *, training_tier: str
) -> np.ndarray:
    """Returns the trials of which everything is known that is not withheld.

    Responses are withheld in tiers, other signals in all trials: there they are NaN throughout.
    Any other NaN was lost, and a trial with one is left out, with a warning.

    Args:
        path: The file, for messages.
        signals: Name to `(trials, columns)`.
        tiers: `(trials,)`.
        training_tier: The one in which no responses are withheld.

    Returns:
        Indexes of the trials.

    Raises:
        SensoriumError: If no trial is left, or all responses of the training tier are NaN.
    """
    training = signals[RESPONSE][tiers == training_tier]
    if training.size and np.isnan(training).all():
        raise SensoriumError(
            f"{path}: all responses of tier {training_tier} are NaN: name another series as "
            "responses in the mapping, or the tiers otherwise"
        )
    lost = {name: _lost(name, values, tiers) for name, values in signals.items()}
    said = ", ".join(f"{name} in {each.sum()}" for name, each in lost.items() if each.any())
    left_out = np.any([*lost.values()], axis=0)
    if not said:
        return np.arange(len(tiers))
    if left_out.all():
        raise SensoriumError(f"{path}: NaN in every trial ({said}): {_REMEDY}")
    warnings.warn(
        f"{path}: left out {left_out.sum()} of {len(tiers)} trials, in which values are NaN "
        f"({said}): {_REMEDY}",
        stacklevel=4,
    )
    return np.flatnonzero(~left_out)


def values_of(trials: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Returns the values of known trials with zeros in place of what is withheld."""
    found = values[trials]
    found[np.isnan(found)] = 0
    return found


def _lost(name: str, values: np.ndarray, tiers: np.ndarray) -> np.ndarray:
    """Returns in which trials a value is NaN that is not withheld, `(trials,)` bool."""
    missing = np.isnan(values)
    some, whole = missing.any(axis=1), missing.all(axis=1)
    groups = np.unique(tiers, return_inverse=True)[1] if name == RESPONSE else np.zeros_like(some)
    withheld = [group for group in np.unique(groups) if whole[groups == group].all()]
    return some & ~np.isin(groups, withheld)
