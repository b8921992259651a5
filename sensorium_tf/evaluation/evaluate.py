"""Scores of a trained run, mouse by mouse, with the files that show them."""

import dataclasses
import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sensorium_tf.data import Mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.evaluation.figures import (
    correlation_histogram,
    first_layer_filters,
    receptive_field_positions,
    responses_against_rates,
    save_figure,
)
from sensorium_tf.evaluation.tables import scores_table, write_json, write_neurons_csv
from sensorium_tf.metrics import (
    FEV_THRESHOLD,
    Scores,
    explainable_variance,
    oracle_correlation,
    scores,
    summarize,
)
from sensorium_tf.models import Core, EnsembleModel, FiringRateModel, GaussianReadout
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.training import TRAINING_TIERS, TrainedModel, open_trained, predict


@dataclasses.dataclass(frozen=True)
class MouseEvaluation:
    """How well a model predicts one mouse.

    Attributes:
      mouse: its name.
      tier: of the trials that were scored.
      unit_ids: `(neurons,)`.
      image_ids: `(trials,)`.
      responses: `(trials, neurons)`, standardised.
      rates: `(trials, neurons)`, the model's.
      scores: the model's.
      explainable_variance: `(neurons,)`, None without repeated images.
      oracle: single-trial correlation of the mean over the other repeats, `(neurons,)`; None
        without repeated images.
      truth: scores of the true rates of a simulated recording, None where they are not known.
      members: name to scores of each member of an ensemble; empty for a single model.
    """

    mouse: str
    tier: str
    unit_ids: np.ndarray
    image_ids: np.ndarray
    responses: np.ndarray = dataclasses.field(repr=False)
    rates: np.ndarray = dataclasses.field(repr=False)
    scores: Scores
    explainable_variance: np.ndarray | None
    oracle: np.ndarray | None
    truth: Scores | None
    members: Mapping[str, Scores] = dataclasses.field(default_factory=dict)

    @property
    def held_out(self) -> bool:
        """Whether training neither saw these trials nor chose the weights by them."""
        return self.tier not in TRAINING_TIERS

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
            rows["oracle (other repeats)"] = self.oracle_summary
        if self.truth is not None:
            rows["oracle (true rates)"] = self.truth.summary
        return rows

    def notes(self) -> list[str]:
        """Returns what must be known to read the scores, a sentence each."""
        notes = []
        if self.scores.feve_reason:
            notes.append(f"no FEVE: {self.scores.feve_reason}")
        else:
            notes.append(
                f"FEVE: over the {self.scores.feve_neurons} of {len(self.unit_ids)} neurons with "
                f"an explainable variance (FEV) of {FEV_THRESHOLD} or more"
            )
        if self.oracle is not None and (
            self.scores.means["single_trial_correlation"] > self.oracle.mean()
        ):
            notes.append(
                "above the oracle: a mean over few other repeats is noisy, and a good model less so"
            )
        if not self.held_out:
            notes.append(f"tier {self.tier} took part in training: not a held-out score")
        return notes

    def to_json(self) -> dict[str, Any]:
        """Returns the mean scores, with their intervals, as JSON values."""
        content = {
            "tier": self.tier,
            "held_out": self.held_out,
            "trials": len(self.responses),
            "neurons": len(self.unit_ids),
            **self.scores.summary,
            "feve_reason": self.scores.feve_reason,
        }
        if self.oracle_summary is not None:
            content["oracle"] = self.oracle_summary
        if self.truth is not None:
            content["true_rates"] = self.truth.summary
        if self.members:
            content["members"] = {name: each.summary for name, each in self.members.items()}
        return content


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """How well a model predicts its mice.

    Attributes:
      model: `cnn` or `ln`, or what a lone model file calls itself.
      track: the model's.
      signals: what it is given.
      mice: mouse to its evaluation.
    """

    model: str
    track: str
    signals: str
    mice: Mapping[str, MouseEvaluation]

    def report(self) -> str:
        """Returns the tables, with what was scored on what said above them."""
        parts = []
        for mouse in self.mice.values():
            heading = (
                f"{mouse.mouse}: {len(mouse.unit_ids)} neurons, {len(mouse.responses)} trials of "
                f"tier {mouse.tier}; {self.model} sees {self.signals}"
            )
            parts += [heading, scores_table(mouse.rows(self.model), notes=mouse.notes()), ""]
        return "\n".join(parts).rstrip()

    def to_json(self) -> dict[str, Any]:
        """Returns the mean scores, with their intervals, as JSON values."""
        return {
            "model": self.model,
            "track": self.track,
            "signals": self.signals,
            "mice": {name: mouse.to_json() for name, mouse in self.mice.items()},
        }


def evaluate(
    trained: TrainedModel | str | os.PathLike,
    *,
    mice: Iterable[str] | None = None,
    tier: str | None = None,
    truth: str | os.PathLike | None = None,
    output: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
) -> Evaluation:
    """Scores a trained model, and writes `evaluation.json`, `neurons.csv` and `figures/`.

    Args:
      trained: workdir of a run, whose best model is scored, or a model file (`.keras`), or what
        `training.open_trained` made of either.
      mice: some of the model's mice; all of them if left out.
      tier: which trials; if left out `test` where its responses are known (or in `truth`),
        else `validation`.
      truth: `<stem>_truth.npz` of a simulated recording: scores its true rates as well, and gives
        the responses of a withheld tier.
      output: folder for the files; if left out the workdir or, for a model file `a.keras`, the
        folder `a_results` beside it.
      data_dir: where the prepared datasets are; TFDS's default if left out.

    Returns:
      The scores of each mouse.

    Raises:
      SensoriumError: if there is no model, it does not fit a recording, a mouse or tier is not
        there, or its responses are withheld.
    """
    trained = open_trained(trained)
    known = Truth.load(truth) if truth is not None else None
    loaded = trained.load_mice(mice, data_dir=data_dir)
    if known is not None and len(loaded) > 1:
        raise SensoriumError(
            "a truth file belongs to one recording: choose one of the mice (--mice)"
        )
    tiers = [tier or _default_tier(mouse, known) for mouse in loaded]
    for mouse, chosen in zip(loaded, tiers, strict=True):
        mouse.check_track(trained.track)
        mouse.check_tier(chosen, responses=known is None)
    evaluation = Evaluation(
        model=trained.name,
        track=trained.track,
        signals=trained.signals,
        mice={
            mouse.name: evaluate_mouse(
                trained.model,
                mouse,
                chosen,
                track=trained.track,
                truth=known,
                members=trained.members,
            )
            for mouse, chosen in zip(loaded, tiers, strict=True)
        },
    )
    folder = trained.folder if output is None else Path(output).expanduser()
    write_json(folder / "evaluation.json", evaluation.to_json())
    _write_neurons(folder / "neurons.csv", evaluation)
    _write_figures(folder / "figures", trained.model, evaluation, loaded)
    return evaluation


def evaluate_mouse(
    model: FiringRateModel | EnsembleModel,
    mouse: Mouse,
    tier: str,
    *,
    track: str,
    truth: Truth | None = None,
    members: Mapping[str, FiringRateModel] | None = None,
) -> MouseEvaluation:
    """Scores a model on one tier of one mouse.

    Args:
      model: knows the mouse.
      mouse: prepared.
      tier: one whose responses are known, unless `truth` has them.
      track: the model's.
      truth: of the mouse's recording, if it is simulated.
      members: of the ensemble that the model is, by name: they are scored as well, and the model's
        rates are the mean of theirs.

    Raises:
      SensoriumError: if the model does not fit the mouse, or the truth is another recording's.
    """
    trials = mouse.trials(tier)
    responses, true_rates = trials.responses, None
    if truth is not None:
        responses, true_rates = mouse.standardize(truth, trials)
    member_scores, total = {}, np.float32(0)
    for name, member in (members or {}).items():
        member_rates = predict(member, trials, track=track)
        member_scores[name] = scores(responses, member_rates, trials.image_ids, track=track)
        total = total + member_rates
    rates = total / len(members) if members else predict(model, trials, track=track)
    repeated = len(np.unique(trials.image_ids)) < len(trials)
    return MouseEvaluation(
        mouse=mouse.name,
        tier=tier,
        unit_ids=mouse.unit_ids,
        image_ids=trials.image_ids,
        responses=responses,
        rates=rates,
        scores=scores(responses, rates, trials.image_ids, track=track),
        explainable_variance=explainable_variance(responses, trials.image_ids)
        if repeated
        else None,
        oracle=oracle_correlation(responses, trials.image_ids) if repeated else None,
        truth=None
        if true_rates is None
        else scores(responses, true_rates, trials.image_ids, track=track),
        members=member_scores,
    )


def _default_tier(mouse: Mouse, truth: Truth | None) -> str:
    known = truth is not None or "test" not in mouse.withheld_tiers
    return "test" if known and "test" in mouse.tiers else "validation"


def _write_neurons(path: Path, evaluation: Evaluation) -> None:
    """Writes one row a neuron, of all mice."""
    columns: dict[str, list] = {"mouse": []}
    for each in evaluation.mice.values():
        columns["mouse"] += [each.mouse] * len(each.unit_ids)
        values = {
            **each.scores.per_neuron,
            "explainable_variance": each.explainable_variance,
            "oracle": each.oracle,
        }
        for name, column in values.items():
            missing = np.full(len(each.unit_ids), np.nan)
            columns.setdefault(name, []).extend(missing if column is None else column)
    unit_ids = np.concatenate([each.unit_ids for each in evaluation.mice.values()])
    write_neurons_csv(path, unit_ids=unit_ids, columns=columns)


def _write_figures(
    folder: Path,
    model: FiringRateModel | EnsembleModel,
    evaluation: Evaluation,
    mice: Sequence[Mouse],
) -> None:
    """Writes the figures of the model, and of each mouse."""
    # An ensemble has no filters and positions of its own; its members' folders show theirs.
    single = isinstance(model, FiringRateModel)
    if single and isinstance(model.core, Core):
        kernels = np.asarray(model.core.stem.kernel)
        save_figure(
            first_layer_filters(kernels, title=f"{evaluation.model}: filters of the first layer"),
            folder / "filters.png",
        )
    for mouse in mice:
        each = evaluation.mice[mouse.name]
        correlations = each.scores.single_trial_correlation
        title = f"{evaluation.model}, {mouse.name}, tier {each.tier}"
        save_figure(
            correlation_histogram(
                {evaluation.model: correlations}, oracle=each.oracle, title=title
            ),
            folder / f"correlations_{mouse.name}.png",
        )
        save_figure(
            responses_against_rates(
                each.responses,
                each.rates,
                correlations=correlations,
                unit_ids=mouse.unit_ids,
                title=title,
            ),
            folder / f"responses_{mouse.name}.png",
        )
        readout = model.readouts[mouse.name]
        if single and isinstance(readout, GaussianReadout):
            save_figure(
                receptive_field_positions(
                    np.asarray(readout.mean_positions()),
                    mouse.cell_motor_coordinates,
                    title=f"{evaluation.model}, {mouse.name}: retinotopy",
                ),
                folder / f"retinotopy_{mouse.name}.png",
            )
