"""What a comparison of trained runs holds: scores, differences, tables and JSON."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sensorium_tf.evaluation.results import MouseEvaluation
from sensorium_tf.evaluation.tables import Table, differences_table, flat_scores, scores_table
from sensorium_tf.interop.xarray import to_dataset
from sensorium_tf.metrics import Scores, summarize
from sensorium_tf.runs import Provenance

if TYPE_CHECKING:
    import xarray


@dataclasses.dataclass(frozen=True, eq=False)
class MouseComparison:
    """How well several runs predict one mouse.

    Attributes:
        first: The evaluation of the first run, to which the others are compared.
        scores: Name of a run to its scores on the same trials and neurons; the first one leads.
        provenance: Name of a run to the signals and trials that its model uses.
    """

    first: MouseEvaluation
    scores: Mapping[str, Scores]
    provenance: Mapping[str, Provenance]

    @property
    def held_out(self) -> bool | None:
        """Whether no run learnt from these trials, or chose weights or neurons by them.

        None where it is not known of some run, and none is known to have.
        """
        first = self.first
        of_runs = [each.held_out(first.mouse, first.tier) for each in self.provenance.values()]
        return False if False in of_runs else None if None in of_runs else True

    @functools.cached_property
    def differences(self) -> dict[str, dict[str, Any]]:
        """Run to its scores less those of the first run, neuron by neuron.

        Each holds the mean difference of each score, its paired bootstrap interval over neurons
        under `intervals`, and under `better` the share of neurons that the run predicts better;
        None where a score is not defined for both.
        """
        return {
            name: _difference(each.per_neuron, self.first.scores.per_neuron)
            for name, each in list(self.scores.items())[1:]
        }

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of the score table: the runs, and what they can be compared with."""
        first, *_ = self.scores
        others = {name: each.summary for name, each in self.scores.items()}
        return {**others, **{n: r for n, r in self.first.rows(first).items() if n != first}}

    @property
    def notes(self) -> list[str]:
        """What must be known to read the scores, a sentence each."""
        evaluations = [
            dataclasses.replace(self.first, scores=scores, provenance=self.provenance[name])
            for name, scores in self.scores.items()
        ]
        of_runs = [each.notes() for each in evaluations]
        return [
            note if all(note in notes for notes in of_runs) else f"{name}: {note}"
            for name, notes in zip(self.scores, of_runs, strict=True)
            for note in notes
        ]

    def to_xarray(self) -> "xarray.Dataset":
        """Returns the scores of each run and neuron, with named dimensions.

        Each metric that is defined for all runs is (run, neuron); neurons have the coordinates
        `unit_id` and all else that is known of them.

        Raises:
            SensoriumError: If xarray is not installed.
        """
        found = {
            name: [each.per_neuron[name] for each in self.scores.values()]
            for name in self.first.scores.per_neuron
        }
        return to_dataset(
            {
                name: (("run", "neuron"), np.stack(values))
                for name, values in found.items()
                if all(each is not None for each in values)
            },
            trials={},
            neurons=self.first.neurons,
            attributes={"mouse": self.first.mouse, "tier": self.first.tier},
        ).assign_coords(run=list(self.scores))

    def to_json(self) -> dict[str, Any]:
        """Returns scores and differences as JSON values."""
        first = self.first
        content = {
            "tier": first.tier,
            "held_out": self.held_out,
            "trials": first.n_trials,
            "neurons": len(first.unit_ids),
            "scores": {name: each.to_json() for name, each in self.scores.items()},
            "oracle": first.oracle_summary,
            "differences": self.differences,
        }
        if first.truth is not None:
            content["true_rates"] = first.truth.summary
        return content


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """How well several runs predict the same mice.

    Attributes:
        provenance: Run to the signals and trials that its model uses.
        mice: Mouse to the comparison on it.
        folder: Of the files that show it; None if there are none.
    """

    provenance: Mapping[str, Provenance]
    mice: Mapping[str, MouseComparison]
    folder: Path | None = None

    def __repr__(self) -> str:
        return self.report()

    @property
    def equals(self) -> bool:
        """Whether all runs use the same signals and trials."""
        return len({each.known for each in self.provenance.values()}) == 1

    @property
    def warning(self) -> str | None:
        """What forbids to rank the runs, if anything does."""
        if self.equals:
            return None
        seen = ". ".join(f"{name} {each.describe()}" for name, each in self.provenance.items())
        return (
            f"not equals: {seen}. A difference between them is one of what they use, too: do not "
            "rank them"
        )

    def report(self) -> str:
        """Returns the tables, with what was compared said above them."""
        names = list(self.provenance)
        parts = [f"compared with {names[0]}: {', '.join(names[1:])}"]
        each = self.provenance[names[0]].known.describe()
        parts += [self.warning or f"each {each}", ""]
        for mouse, each in self.mice.items():
            first, metrics = each.first, each.first.scores.per_neuron
            parts += [
                f"{mouse}: {len(first.unit_ids)} neurons, {first.n_trials} trials of tier "
                f"{first.tier}",
                scores_table(each.rows, metrics=metrics, notes=each.notes),
                "",
                differences_table(each.differences, to=names[0], metrics=metrics),
                "",
            ]
        if self.folder is not None:
            parts.append(f"comparison.json and figures are in {self.folder}")
        return "\n".join(parts).rstrip()

    def table(self) -> Table:
        """Returns the scores of each run and oracle, and the differences.

        `table().to_pandas()` is a data frame of them.
        """
        return Table(
            {"mouse": name, "tier": mouse.first.tier, "model": row, "compared_with": reference}
            | flat_scores(summary, metrics=mouse.first.scores.per_neuron)
            for name, mouse in self.mice.items()
            for rows, reference in (
                (mouse.rows, None),
                (mouse.differences, next(iter(self.provenance))),
            )
            for row, summary in rows.items()
        )

    def to_json(self) -> dict[str, Any]:
        """Returns scores and differences as JSON values."""
        return {
            "compared_with": next(iter(self.provenance)),
            "provenance": {name: each.to_json() for name, each in self.provenance.items()},
            "equals": self.equals,
            "mice": {name: mouse.to_json() for name, mouse in self.mice.items()},
        }


def _difference(
    per_neuron: Mapping[str, np.ndarray | None], reference: Mapping[str, np.ndarray | None]
) -> dict[str, Any]:
    """Returns what `MouseComparison.differences` holds of one run."""
    less = {
        score: None if values is None or reference[score] is None else values - reference[score]
        for score, values in per_neuron.items()
    }
    found = summarize(less)
    found["better"] = {
        score: None if found[score] is None else float(np.mean(each[~np.isnan(each)] > 0))
        for score, each in less.items()
    }
    return found
