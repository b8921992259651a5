"""Several trained runs on the same neurons: who predicts them better, and how surely."""

import dataclasses
import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sensorium_tf.data import Mouse, mouse_names
from sensorium_tf.errors import SensoriumError
from sensorium_tf.evaluation.model_scores import choose_tiers, evaluate_mouse, load_truth
from sensorium_tf.evaluation.results import MouseEvaluation
from sensorium_tf.evaluation.tables import (
    Table,
    differences_table,
    flat_scores,
    scores_table,
    write_json,
)
from sensorium_tf.interop.xarray import to_dataset
from sensorium_tf.io import expand
from sensorium_tf.metrics import Scores, evaluate_rates, summarize
from sensorium_tf.models import same_places
from sensorium_tf.plotting import paired_correlations, save_figure, score_distributions
from sensorium_tf.plotting.style import check_figure_format, model_colors
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.runs import Provenance, Run, predict
from sensorium_tf.settings import FIGURE_FORMATS

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
            "trials": len(first.responses),
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
        return len(set(self.provenance.values())) == 1

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
        parts += [self.warning or f"each {self.provenance[names[0]].describe()}", ""]
        for mouse, each in self.mice.items():
            first, metrics = each.first, each.first.scores.per_neuron
            parts += [
                f"{mouse}: {len(first.unit_ids)} neurons, {len(first.responses)} trials of tier "
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


def compare(
    *runs: Run | str | os.PathLike,
    tier: str | None = None,
    mice: str | Iterable[str] | None = None,
    truth: str | os.PathLike | None = None,
    output: str | os.PathLike | None = None,
    figure_format: str = FIGURE_FORMATS[0],
    data_dir: str | os.PathLike | None = None,
) -> Comparison:
    """Compares trained runs with the first of them, and writes `comparison.json` and `figures/`.

    Args:
        *runs: Two or more runs, or their workdirs or model files; the others are compared with the
            first.
        tier: As of `evaluate`.
        mice: Some of the mice that all runs know; if left out the runs must know the same ones.
        truth: As of `evaluate`.
        output: Folder for the files; if left out `comparison` in the folder where `evaluate` writes
            those of the first run.
        figure_format: Of the figures: `png`, `pdf` or `svg`.
        data_dir: Where the prepared datasets are; if left out where each run's are, and for a path
            where the first run's are.

    Returns:
        The scores of each mouse under each run, and their differences.

    Raises:
        SensoriumError: As `evaluate`, or if there are fewer than two runs, duplicates among them,
            or runs on other mice, neurons or recordings.
    """
    check_figure_format(figure_format)
    of_first = runs[0].data_dir if runs and isinstance(runs[0], Run) else None
    opened = _open(
        [Run.of(run, data_dir if isinstance(run, Run) else data_dir or of_first) for run in runs]
    )
    names = _common_mice(opened) if mice is None else tuple(mouse_names(mice))
    # Opened for each run, because that checks whether they are the run's.
    of_runs = {name: _load_mice(name, run, names) for name, run in opened.items()}
    loaded = next(iter(of_runs.values()))
    _check_neurons(of_runs)
    _check_places(opened, names)
    known = load_truth(truth, loaded)
    tiers = choose_tiers(loaded, tier, known, inputs=[run.model.inputs for run in opened.values()])
    first = next(iter(opened.values()))
    folder = first.folder / "comparison" if output is None else expand(output)
    comparison = Comparison(
        provenance={name: run.provenance for name, run in opened.items()},
        mice={
            mouse.name: _compare_mouse(opened, mouse, chosen, truth=known)
            for mouse, chosen in zip(loaded, tiers, strict=True)
        },
        folder=folder,
    )
    write_json(folder / "comparison.json", comparison.to_json())
    _write_figures(folder / "figures", comparison, figure_format)
    return comparison


def _open(runs: Sequence[Run]) -> dict[str, Run]:
    """Returns the runs, each under the end of its path that tells it from the others."""
    if len(runs) < 2:
        raise SensoriumError(f"a comparison needs two runs or more. Received: {len(runs)}")
    model_colors([str(run.path) for run in runs])  # refuses more than can be shown
    paths = [_path(run).resolve() for run in runs]
    twice = next((path for i, path in enumerate(paths) if path in paths[:i]), None)
    if twice is not None:
        raise SensoriumError(f"{twice}: duplicate run: name runs that differ")
    # One that was copied out of its run's workdir may have the same name as another.
    depths = [2 if path.name == "model.keras" else 1 for path in paths]
    while len(set(names := _ends(paths, depths))) < len(paths):
        depths = [depth + 1 for depth in depths]
    return dict(zip(names, runs, strict=True))


def _ends(paths: Sequence[Path], depths: Sequence[int]) -> list[str]:
    return ["/".join(path.parts[-depth:]) for path, depth in zip(paths, depths, strict=True)]


def _path(run: Run) -> Path:
    """Returns where a run is: a workdir and the model file in it are one place."""
    return run.folder if run.store is not None else expand(run.path)


def _common_mice(runs: Mapping[str, Run]) -> tuple[str, ...]:
    """Returns the mice of all runs, in the first one's order."""
    (first, run), *others = runs.items()
    for name, other in others:
        if set(other.model.mice) != set(run.model.mice):
            raise SensoriumError(
                f"{first} was trained on {', '.join(run.model.mice)}, {name} on "
                f"{', '.join(other.model.mice)}: choose mice that all of them know (--mice)"
            )
    return tuple(run.model.mice)


def _load_mice(name: str, run: Run, mice: Sequence[str]) -> list[Mouse]:
    """Opens the mice, which checks that they are those of the run."""
    try:
        return run.load_mice(mice)
    except SensoriumError as e:
        raise SensoriumError(f"{name}: {e}") from e


def _check_neurons(mice_of_runs: Mapping[str, Sequence[Mouse]]) -> None:
    """Refuses runs on other neurons of a mouse than the first run's."""
    (first, mice), *others = mice_of_runs.items()
    for name, theirs in others:
        for mouse, other in zip(mice, theirs, strict=True):
            if not np.array_equal(mouse.unit_ids, other.unit_ids):
                raise SensoriumError(
                    f"{mouse.name}: {first} and {name} were trained on different neurons "
                    f"({mouse.n_neurons} and {other.n_neurons}) and cannot be compared"
                )


def _check_places(runs: Mapping[str, Run], mice: Sequence[str]) -> None:
    """Refuses lone files that were trained on other neurons than the first run."""
    (first, run), *others = runs.items()
    for mouse in mice:
        for name, other in others:
            places = [
                getattr(each.model.readouts[mouse], "coordinates", None) for each in (run, other)
            ]
            if all(place is not None for place in places) and not same_places(*places):
                raise SensoriumError(
                    f"{mouse}: {first} and {name} were trained on neurons that lie elsewhere in "
                    "cortex: they are of different recordings and cannot be compared"
                )


def _compare_mouse(
    runs: Mapping[str, Run], mouse: Mouse, tier: str, *, truth: Truth | None
) -> MouseComparison:
    (name, run), *others = runs.items()
    trials = mouse.trials(tier)
    first = evaluate_mouse(
        run.model, mouse, tier, provenance=run.provenance, truth=truth, trials=trials
    )
    found = {name: first.scores}
    for name, run in others:
        rates = predict(run.model, trials)
        found[name] = evaluate_rates(
            first.responses,
            rates,
            first.image_ids,
            track=run.track,
            challenge=mouse.challenge,
        )
    provenance = {name: run.provenance for name, run in runs.items()}
    return MouseComparison(first=first, scores=found, provenance=provenance)


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


def _write_figures(folder: Path, comparison: Comparison, suffix: str) -> None:
    """Writes the paired scores of each mouse, and all scores side by side."""
    correlations, oracle = {}, {}
    for mouse, each in comparison.mice.items():
        found = {
            name: run.per_neuron["single_trial_correlation"] for name, run in each.scores.items()
        }
        correlations[f"{mouse}\n{each.first.tier}"] = found
        oracle[f"{mouse}\n{each.first.tier}"] = each.first.oracle
        save_figure(
            paired_correlations(found, title=f"{mouse}, tier {each.first.tier}"),
            folder / f"paired_{mouse}.{suffix}",
        )
    title = "" if comparison.equals else "not given the same signals or trials"
    save_figure(
        score_distributions(correlations, oracle=oracle, title=title), folder / f"scores.{suffix}"
    )
