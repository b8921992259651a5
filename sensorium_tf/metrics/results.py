"""What `evaluate_rates` finds: the scores of each neuron, and why one is missing."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from sensorium_tf.metrics.summary import mean_over_neurons, summarize
from sensorium_tf.registry import METRICS


@dataclasses.dataclass(frozen=True, eq=False)
class Scores:
    """The scores of the neurons of one mouse, or of several.

    Attributes:
        per_neuron: Metric to its values, `(neurons,)` float64, NaN for neurons that do not count;
            None where it is not defined.
        reasons: Metric to the reason why it has no mean; holds only those that have none.
        conditions: Metric to what a neuron must have to count; holds only those for which not all
            neurons do.
    """

    per_neuron: Mapping[str, np.ndarray | None]
    reasons: Mapping[str, str] = dataclasses.field(default_factory=dict)
    conditions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def means(self) -> dict[str, float | None]:
        """Metric to its mean over neurons; None where it is not defined."""
        return {name: mean_over_neurons(values) for name, values in self.per_neuron.items()}

    @property
    def n_neurons(self) -> dict[str, int | None]:
        """Metric to how many neurons count in it; None where it is not defined.

        Holds only the metrics in which not every neuron has to count.
        """
        return {
            name: None if values is None else int(np.isfinite(values).sum())
            for name, values in self.per_neuron.items()
            if name in self.conditions or values is None or np.isnan(values).any()
        }

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Returns the scores of the neurons of several mice, one after the other.

        A mouse in which a metric is not defined has no neurons that count in it.
        """
        first, *others = parts
        if not others:
            return first
        sizes = [len(next(v for v in part.per_neuron.values() if v is not None)) for part in parts]
        per_neuron, reasons = {}, {}
        for name in first.per_neuron:
            values = [part.per_neuron[name] for part in parts]
            if all(each is None for each in values):
                per_neuron[name] = None
            else:
                filled = (
                    np.full(size, np.nan) if each is None else each
                    for each, size in zip(values, sizes, strict=True)
                )
                per_neuron[name] = np.concatenate([*filled])
            if mean_over_neurons(per_neuron[name]) is None:
                reasons[name] = next(p.reasons[name] for p in parts if name in p.reasons)
        return cls(per_neuron, reasons, first.conditions)

    def of_neurons(self, chosen: np.ndarray) -> Self:
        """Returns the scores of some neurons.

        Args:
            chosen: `(neurons,)`, whether each is one of them.
        """
        per_neuron = {
            name: None if values is None else values[chosen]
            for name, values in self.per_neuron.items()
        }
        return dataclasses.replace(self, per_neuron=per_neuron)

    @functools.cached_property
    def summary(self) -> dict[str, Any]:
        """The means as JSON values, their intervals under `intervals`, and `n_neurons`.

        These are keys such as `feve_neurons`.
        """
        counted = {f"{name}_neurons": n for name, n in self.n_neurons.items()}
        return {**summarize(self.per_neuron), **counted}

    def to_json(self) -> dict[str, Any]:
        """Returns `summary` and, in keys such as `feve_reason`, why a mean is missing."""
        reasons = {f"{name}_reason": self.reasons.get(name) for name in self.n_neurons}
        return {**self.summary, **reasons}

    def notes(self) -> list[str]:
        """Returns what must be known to read the means, a sentence each."""
        notes = []
        for name, n_neurons in self.n_neurons.items():
            title, values = METRICS[name].title, self.per_neuron[name]
            if name in self.reasons:
                notes.append(f"no {title}: {self.reasons[name]}")
            elif name in self.conditions:
                notes.append(
                    f"{title}: over the {n_neurons} of {len(values)} neurons with "
                    f"{self.conditions[name]}"
                )
            else:
                notes.append(f"{title}: over {n_neurons} of {len(values)} neurons")
        return notes
