"""Comparing trained runs on the same neurons: who predicts them better, and how surely."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from sensorium_tf.data import Mouse, mouse_names
from sensorium_tf.errors import SensoriumError
from sensorium_tf.evaluation.comparison import Comparison, MouseComparison
from sensorium_tf.evaluation.model_scores import choose_tiers, evaluate_mouse, open_truth
from sensorium_tf.evaluation.tables import write_json
from sensorium_tf.io import expand
from sensorium_tf.metrics import evaluate_rates
from sensorium_tf.models import same_places
from sensorium_tf.plotting import paired_correlations, save_figure, score_distributions
from sensorium_tf.plotting.style import check_figure_format, model_colors
from sensorium_tf.recordings import MovieTruth, Truth
from sensorium_tf.runs import Run, predict
from sensorium_tf.settings import FIGURE_FORMATS


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
    first = next(iter(opened.values()))
    folder = first.folder / "comparison" if output is None else expand(output)
    inputs = [run.model.inputs for run in opened.values()]
    with open_truth(truth, loaded) as known:
        tiers = choose_tiers(loaded, tier, known, inputs=inputs)
        compared = {
            mouse.name: _compare_mouse(opened, mouse, chosen, truth=known)
            for mouse, chosen in zip(loaded, tiers, strict=True)
        }
    provenance = {name: run.provenance for name, run in opened.items()}
    comparison = Comparison(provenance=provenance, mice=compared, folder=folder)
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
    runs: Mapping[str, Run], mouse: Mouse, tier: str, *, truth: Truth | MovieTruth | None
) -> MouseComparison:
    (name, run), *others = runs.items()
    trials = mouse.trials(tier)
    first = evaluate_mouse(
        run.model, mouse, tier, provenance=run.provenance, truth=truth, trials=trials
    )
    found = {name: first.scores}
    for name, run in others:
        inputs = run.model.inputs
        if (mouse.image_size, mouse.statistics_kind) != (inputs.image_size, inputs.statistics):
            mouse = mouse.given_as(inputs)
            trials = mouse.trials(tier)
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
