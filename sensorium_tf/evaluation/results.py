"""Scores of a model, mouse by mouse, as tables and JSON values."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sensorium_tf.evaluation.tables import Table, flat_scores, scores_table
from sensorium_tf.interop.xarray import to_dataset
from sensorium_tf.metrics import ORACLE, Scores, summarize
from sensorium_tf.runs import Provenance

if TYPE_CHECKING:
    import xarray


@dataclasses.dataclass(frozen=True, eq=False)
class MouseEvaluation:
    """How well a model predicts one mouse.

    Attributes:
        mouse: Its name.
        tier: Of the trials that were scored.
        unit_ids: `(neurons,)`.
        image_ids: `(trials,)`. Of movies, here and below, scored frames take the place of trials:
            the frame of which movie it is, which repeats share.
        trial_ids: `(trials,)` strings.
        neurons: What is known of the neurons, name to `(neurons, ...)`, `unit_ids` among them.
        responses: `(trials, neurons)`, standardised.
        rates: `(trials, neurons)`, the model's.
        scores: The model's.
        explainable_variance: `(neurons,)`, None without repeated images.
        oracle: Single-trial correlation of the mean over the other repeats, `(neurons,)`; None
            without repeated images.
        truth: Scores of the true rates of a simulated recording, None where they are not known.
        frames: `(frames,)`, the place of each in its trial; None of images.
        members: Name to scores of each member of an ensemble; empty for a single model.
        groups: Such as `area V1` to whether each neuron is in it, `(neurons,)`; empty where all
            are alike.
        provenance: The signals and trials that the model uses.
    """

    mouse: str
    tier: str
    unit_ids: np.ndarray
    image_ids: np.ndarray
    trial_ids: np.ndarray
    neurons: Mapping[str, np.ndarray] = dataclasses.field(repr=False)
    responses: np.ndarray = dataclasses.field(repr=False)
    rates: np.ndarray = dataclasses.field(repr=False)
    scores: Scores
    explainable_variance: np.ndarray | None
    oracle: np.ndarray | None
    truth: Scores | None
    provenance: Provenance
    frames: np.ndarray | None = None
    members: Mapping[str, Scores] = dataclasses.field(default_factory=dict)
    groups: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict, repr=False)

    @property
    def n_trials(self) -> int:
        """How many trials were scored."""
        if self.frames is None:
            return len(self.responses)
        return int((self.frames == self.frames[0]).sum())

    @property
    def held_out(self) -> bool | None:
        """Whether training neither saw these trials nor chose weights or neurons by them.

        None where it is not known what a model, or the one that it started from, was trained on.
        """
        return self.provenance.held_out(self.mouse, self.tier)

    @functools.cached_property
    def oracle_summary(self) -> dict[str, Any] | None:
        """Mean of the oracle with its interval, as `Scores.summary`; None without repeats."""
        if self.oracle is None:
            return None
        return summarize({"single_trial_correlation": self.oracle})

    def rows(self, model: str) -> dict[str, dict[str, Any]]:
        """Returns the rows of the score table: the model, and what it can be compared with."""
        name = f"{model}, mean of {len(self.members)}" if self.members else model
        rows = {name: self.scores.summary, **{n: s.summary for n, s in self.members.items()}}
        if self.oracle_summary is not None:
            rows[ORACLE] = self.oracle_summary
        if self.truth is not None:
            rows["ceiling (true rates)"] = self.truth.summary
        return rows

    @functools.cached_property
    def group_summaries(self) -> dict[str, dict[str, Any]]:
        """Group of neurons to the model's scores of them, as `Scores.summary`."""
        return {name: self.scores.of_neurons(each).summary for name, each in self.groups.items()}

    def group_rows(self, model: str) -> dict[str, dict[str, Any]]:
        """Returns the rows of the score table that are of some neurons each."""
        return {
            f"{model}, {name} ({self.groups[name].sum()} neurons)": summary
            for name, summary in self.group_summaries.items()
        }

    def notes(self) -> list[str]:
        """Returns what must be known to read the scores, a sentence each."""
        notes = self.scores.notes()
        if self.oracle is not None and (
            self.scores.means["single_trial_correlation"] > self.oracle.mean()
        ):
            notes.append(
                "above the oracle, which is no upper bound: it knows no behavior, and averages "
                "few, noisy repeats"
            )
        if self.held_out is None:
            notes.append(f"whether tier {self.tier} took part in training is not known")
        elif not self.held_out:
            notes.append(f"tier {self.tier} took part in training: not a held-out score")
        return notes

    def to_xarray(self) -> "xarray.Dataset":
        """Returns responses, rates and the scores of each neuron, with named dimensions.

        `response` and `rate` are (trial, neuron), a metric, `oracle` and `explainable_variance`
        (neuron,); a metric of the true rates begins with `true_`, one of the members of an ensemble
        with `member_` and is (member, neuron). Trials have the coordinates `trial_id` and
        `image_id`, neurons `unit_id` and all else that is known of them. What is not defined is
        absent. Of movies the dimension `frame`, with the coordinate `frame_of_trial`, is there in
        place of `trial`.

        Raises:
            SensoriumError: If xarray is not installed.
        """
        variables = {
            "response": (("trial", "neuron"), self.responses),
            "rate": (("trial", "neuron"), self.rates),
        } | {name: (("neuron",), values) for name, values in self._per_neuron().items()}
        for name in self.scores.per_neuron if self.members else ():
            values = [each.per_neuron[name] for each in self.members.values()]
            if all(each is not None for each in values):
                variables[f"member_{name}"] = (("member", "neuron"), np.stack(values))
        found = to_dataset(
            variables,
            trials={"trial_id": self.trial_ids, "image_id": self.image_ids},
            neurons=self.neurons,
            attributes={"mouse": self.mouse, "tier": self.tier},
        )
        if self.frames is not None:
            found = found.rename(trial="frame").assign_coords(frame_of_trial=("frame", self.frames))
        return found.assign_coords(member=list(self.members)) if self.members else found

    def _per_neuron(self) -> dict[str, np.ndarray]:
        """Returns all that is known of each neuron's predictability, by name."""
        truth = {} if self.truth is None else self.truth.per_neuron
        found = {
            **self.scores.per_neuron,
            **{f"true_{name}": values for name, values in truth.items()},
            "oracle": self.oracle,
            "explainable_variance": self.explainable_variance,
        }
        return {name: values for name, values in found.items() if values is not None}

    def to_json(self) -> dict[str, Any]:
        """Returns the mean scores, with their intervals, as JSON values."""
        content = {
            "tier": self.tier,
            "held_out": self.held_out,
            "trials": self.n_trials,
            "neurons": len(self.unit_ids),
            **self.scores.to_json(),
        }
        if self.oracle_summary is not None:
            content["oracle"] = self.oracle_summary
        if self.truth is not None:
            content["true_rates"] = self.truth.summary
        if self.members:
            content["members"] = {name: each.summary for name, each in self.members.items()}
        if self.groups:
            content["groups"] = self.group_summaries
        return content


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """How well a model predicts its mice.

    Attributes:
        model: `cnn` or `ln`, or what a lone model file calls itself.
        track: The model's.
        provenance: The signals and trials that it uses.
        mice: Mouse to its evaluation.
        folder: Of the files that show it; None if there are none.
    """

    model: str
    track: str
    provenance: Provenance
    mice: Mapping[str, MouseEvaluation]
    folder: Path | None = None

    def __repr__(self) -> str:
        return self.report()

    def report(self) -> str:
        """Returns the tables, with what was scored on what said above them."""
        parts = []
        for mouse in self.mice.values():
            heading = (
                f"{mouse.mouse}: {len(mouse.unit_ids)} neurons, {mouse.n_trials} trials of "
                f"tier {mouse.tier}; {self.model} {self.provenance.describe()}"
            )
            table = scores_table(
                {**mouse.rows(self.model), **mouse.group_rows(self.model)},
                metrics=mouse.scores.per_neuron,
                notes=mouse.notes(),
            )
            parts += [heading, table, ""]
        if self.folder is not None:
            parts.append(f"evaluation.json, neurons.csv and figures are in {self.folder}")
        return "\n".join(parts).rstrip()

    def table(self) -> Table:
        """Returns the score table of all mice, a row for each model, oracle and group of neurons.

        `table().to_pandas()` is a data frame of it.
        """
        return Table(
            {"mouse": name, "tier": mouse.tier, "held_out": mouse.held_out, "model": model}
            | flat_scores(summary, metrics=mouse.scores.per_neuron)
            for name, mouse in self.mice.items()
            for model, summary in {
                **mouse.rows(self.model),
                **mouse.group_rows(self.model),
            }.items()
        )

    def to_json(self) -> dict[str, Any]:
        """Returns the mean scores, with their intervals, as JSON values."""
        return {
            "model": self.model,
            "track": self.track,
            "signals": self.provenance.signals,
            "provenance": self.provenance.to_json(),
            "mice": {name: mouse.to_json() for name, mouse in self.mice.items()},
        }
