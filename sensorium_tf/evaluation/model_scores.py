"""Scores a trained run, mouse by mouse, and has the files written that show them."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from sensorium_tf.data import Mouse, MovieTrials, Trials, mouse_names
from sensorium_tf.errors import SensoriumError
from sensorium_tf.evaluation.results import Evaluation, MouseEvaluation
from sensorium_tf.evaluation.run_files import write_run_files
from sensorium_tf.io import expand
from sensorium_tf.metrics import (
    Scores,
    evaluate_rates,
    explainable_variance,
    has_repeats,
    oracle_correlation,
)
from sensorium_tf.models import EnsembleModel, FiringRateModel
from sensorium_tf.plotting.style import check_figure_format
from sensorium_tf.recordings import MovieTruth, Truth
from sensorium_tf.runs import Provenance, Run, predict
from sensorium_tf.settings import FIGURE_FORMATS
from sensorium_tf.specs import InputSpec

# Metadata of the neurons by which they are scored apart.
_GROUPED_BY, _MOST_GROUPS = ("area", "layer"), 20


def evaluate(
    run: Run | str | os.PathLike,
    tier: str | None = None,
    *,
    mice: str | Iterable[str] | None = None,
    truth: str | os.PathLike | None = None,
    output: str | os.PathLike | None = None,
    figure_format: str = FIGURE_FORMATS[0],
    data_dir: str | os.PathLike | None = None,
) -> Evaluation:
    """Scores a trained model, and writes `evaluation.json`, `neurons.csv` and `figures/`.

    Example:
        >>> sensorium_tf.evaluate("runs/cnn").table()

    Args:
        run: Whose best model is scored: a run, or its workdir or model file.
        tier: Which trials; if left out `test` where its responses are known (or in `truth`), else
            `validation`; of movies `live_test_main`, else `oracle`.
        mice: Some of the model's mice; all of them if left out.
        truth: `<stem>_truth.npz` of a simulated recording, or the recording that it lies beside:
            scores its true rates as well, and gives the responses of a withheld tier. That of the
            mouse `simulated` is its `truth_file`.
        output: Folder for the files; if left out the workdir or, for a lone model file `a.keras`,
            the folder `a_results` beside it.
        figure_format: Of the figures: `png`, `pdf` or `svg`.
        data_dir: Where the prepared datasets are; if left out where the run's are.

    Returns:
        The scores of each mouse.

    Raises:
        SensoriumError: If there is no model, it does not fit a recording, a mouse or tier is not
            there, or its responses are withheld.
    """
    check_figure_format(figure_format)
    run = Run.of(run, data_dir)
    loaded = run.load_mice(None if mice is None else mouse_names(mice))
    folder = run.folder if output is None else expand(output)
    with open_truth(truth, loaded) as known:
        tiers = choose_tiers(loaded, tier, known, inputs=[run.model.inputs])
        mice = {
            mouse.name: evaluate_mouse(
                run.model,
                mouse,
                chosen,
                provenance=run.provenance,
                truth=known,
                members=run.members,
            )
            for mouse, chosen in zip(loaded, tiers, strict=True)
        }
    evaluation = Evaluation(
        model=run.name, track=run.track, provenance=run.provenance, mice=mice, folder=folder
    )
    write_run_files(folder, evaluation, model=run.model, mice=loaded, figure_format=figure_format)
    return evaluation


def evaluate_mouse(
    model: FiringRateModel | EnsembleModel,
    mouse: Mouse,
    tier: str,
    *,
    provenance: Provenance,
    truth: Truth | MovieTruth | None = None,
    members: Mapping[str, FiringRateModel] | None = None,
    trials: Trials | MovieTrials | None = None,
) -> MouseEvaluation:
    """Scores a model on one tier of one mouse.

    Args:
        model: Knows the mouse.
        mouse: Prepared.
        tier: One whose responses are known, unless `truth` has them.
        provenance: The signals and trials that the model uses.
        truth: Of the mouse's recording, if it is simulated.
        members: Of the ensemble that the model is, by name: they are scored as well, and the
            model's rates are the mean of theirs.
        trials: Those of the tier, if they have been read already.

    Raises:
        SensoriumError: If the model does not fit the mouse, or the truth is another recording's.
    """
    trials = mouse.trials(tier) if trials is None else trials
    rows = trials.rows()
    track, responses, true_rates = provenance.track, rows.responses, None
    if truth is not None:
        responses, true_rates = mouse.standardize(truth, trials)

    def scores_of(rates: np.ndarray) -> Scores:
        return evaluate_rates(
            responses, rates, rows.image_ids, track=track, challenge=mouse.challenge
        )

    member_scores, total = {}, np.float32(0)
    for name, member in (members or {}).items():
        member_rates = predict(member, trials)
        member_scores[name] = scores_of(member_rates)
        total = total + member_rates
    rates = total / len(members) if members else predict(model, trials)
    repeated = has_repeats(rows.image_ids)
    return MouseEvaluation(
        mouse=mouse.name,
        tier=tier,
        unit_ids=mouse.unit_ids,
        image_ids=rows.image_ids,
        trial_ids=rows.trial_ids,
        frames=rows.frames,
        neurons=mouse.neurons,
        responses=responses,
        rates=rates,
        scores=scores_of(rates),
        explainable_variance=explainable_variance(responses, rows.image_ids) if repeated else None,
        oracle=oracle_correlation(responses, rows.image_ids) if repeated else None,
        truth=None if true_rates is None else scores_of(true_rates),
        provenance=provenance,
        members=member_scores,
        groups=_groups(mouse),
    )


def _groups(mouse: Mouse) -> dict[str, np.ndarray]:
    """Returns the areas and layers of a mouse's neurons, if there are several of either."""
    groups = {}
    for column in _GROUPED_BY:
        values = np.asarray(mouse.neurons.get(column, ()))
        names = np.unique(values)
        if 1 < len(names) <= _MOST_GROUPS:
            groups |= {f"{column} {name}": values == name for name in names}
    return groups


@contextlib.contextmanager
def open_truth(
    path: str | os.PathLike | None, mice: Sequence[Mouse]
) -> Iterator[Truth | MovieTruth | None]:
    """Opens the truth of the one mouse that is scored, if there is any.

    Raises:
        SensoriumError: If there are several mice, or the file is missing or damaged.
    """
    if path is None:
        yield None
        return
    is_movies = mice[0].spec.has_time
    with MovieTruth.open(path) if is_movies else contextlib.nullcontext(Truth.load(path)) as truth:
        if len(mice) > 1:
            raise SensoriumError(
                "a truth file belongs to one recording: choose one of the mice (--mice)"
            )
        yield truth


def choose_tiers(
    mice: Sequence[Mouse],
    tier: str | None,
    truth: Truth | MovieTruth | None,
    *,
    inputs: Iterable[InputSpec],
) -> list[str]:
    """Returns the tier of each mouse that is scored.

    Args:
        mice: Prepared.
        tier: Of all of them; if left out the first test tier where its responses are known, else
            that which chooses weights.
        truth: Has the responses of a withheld tier.
        inputs: What the models are given, which the mice must have.

    Raises:
        SensoriumError: If a mouse lacks the tier or its responses, or what a model is given.
    """
    tiers = [tier or _default_tier(mouse, truth) for mouse in mice]
    for mouse, chosen in zip(mice, tiers, strict=True):
        for each in inputs:
            mouse.check_inputs(each)
        mouse.check_tier(chosen, responses=truth is None)
    return tiers


def _default_tier(mouse: Mouse, truth: Truth | MovieTruth | None) -> str:
    first = next(iter(mouse.challenge.test_tiers))
    known = truth is not None or first not in mouse.withheld_tiers
    return first if known and first in mouse.tiers else mouse.challenge.validation_tier
