"""From a trained run to the competition's files."""

import os
from pathlib import Path

from sensorium_tf.data import Mouse, load_mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.evaluation.movie_submission import submit_movies
from sensorium_tf.io import expand
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.runs import Predictor, Run
from sensorium_tf.scoring import (
    ground_truth_file,
    write_ground_truth,
    write_label,
    write_submission,
)


def submit(
    run: Run | str | os.PathLike,
    mouse: str | None = None,
    *,
    output: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
) -> list[Path]:
    """Predicts the competition's tiers and writes a submission file for each.

    Example:
        >>> sensorium_tf.submit("runs/cnn", "mouse1")

    Args:
        run: Whose best model predicts: a run, or its workdir or model file.
        mouse: Of the model's; may be left out if there is one alone. A submission of movies is of
            all mice, unless it is of this one.
        output: Folder for the files; if left out `submission` in the workdir or, for a lone model
            file `a.keras`, in the folder `a_results` beside it.
        data_dir: Where the prepared datasets are; if left out where the run's are.

    Returns:
        The files: `submission_file_live_test.csv` and, for a competition recording,
        `submission_file_final_test.csv`. Beside them, `submission.json` says which model it was and
        which signals and trials it used. Of movies, a file for each tier such as
        `predictions_live_main.parquet.brotli`, and `submission.zip` of all of them.

    Raises:
        SensoriumError: If there is no model, the mouse is not one of its, it does not fit the
            recording or knows only a part of its neurons, or the recording has none of the tiers.
    """
    run = Run.of(run, data_dir)
    output = run.folder / "submission" if output is None else expand(output)
    if run.model.inputs.time:
        names = run.mice if mouse is None else (mouse,)
        return submit_movies(run, [_whole_mouse(run, name) for name in names], output)
    prepared = _whole_mouse(run, mouse)
    known = prepared.challenge.test_tiers
    tiers = [tier for tier in known if tier in prepared.tiers]
    if not tiers:
        raise SensoriumError(f"{prepared.name}: has none of the tiers {', '.join(known)}")
    predictor = Predictor(run.model, prepared.name)
    paths = [_submit_tier(predictor, prepared, tier, output=output) for tier in tiers]
    write_label(paths, model=run.name, mouse=prepared.name, provenance=run.provenance.to_json())
    return paths


def _whole_mouse(run: Run, name: str | None) -> Mouse:
    """Returns a mouse of the run, all of whose neurons the model knows."""
    mouse = run.mouse(name)
    n_neurons = load_mouse(mouse.name, data_dir=run.data_dir, challenge=run.challenge).n_neurons
    if mouse.n_neurons < n_neurons:
        raise SensoriumError(
            f"{run.folder}: trained on {mouse.n_neurons} of {mouse.name}'s {n_neurons} neurons "
            f"({run.subset.describe()}): a submission needs all of them"
        )
    mouse.check_inputs(run.model.inputs)
    return mouse


def _submit_tier(predictor: Predictor, mouse: Mouse, tier: str, *, output: Path) -> Path:
    """Writes the submission file of one tier; its arrays are gone before the next one's."""
    trials = mouse.trials(tier)
    path = output / mouse.challenge.test_tiers[tier]
    write_submission(
        path,
        rates=predictor(trials),
        trial_ids=trials.trial_ids,
        image_ids=trials.image_ids,
        unit_ids=mouse.unit_ids,
    )
    return path


def ground_truth(
    mouse: str,
    tier: str,
    *,
    output: str | os.PathLike,
    truth: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
) -> Path:
    """Writes the ground-truth file of a tier.

    Args:
        mouse: A prepared mouse.
        tier: Which trials.
        output: Folder for the file.
        truth: `<stem>_truth.npz` of a simulated recording, or the recording that it lies beside,
            for a withheld tier.
        data_dir: Where the prepared datasets are; TFDS's default if left out.

    Returns:
        The file, `ground_truth_file_<tier>.csv`.

    Raises:
        SensoriumError: If the mouse has no such tier, or its responses are withheld and there is no
            truth.
    """
    known = None if truth is None else Truth.load(truth)
    prepared = load_mouse(mouse, data_dir=data_dir)
    prepared.check_tier(tier, responses=known is None)
    trials = prepared.trials(tier)
    responses = trials.responses
    if known is not None:
        responses, _ = prepared.standardize(known, trials)
    path = expand(output) / ground_truth_file(tier)
    write_ground_truth(
        path,
        responses=responses,
        trial_ids=trials.trial_ids,
        image_ids=trials.image_ids,
        unit_ids=prepared.unit_ids,
    )
    return path
