"""From a run on mice that saw movies to the competition's files: one for each tier, of all mice."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sensorium_tf.data import MovieMouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.runs import Predictor, Run
from sensorium_tf.scoring import MovieRow, write_label, write_movie_submission, zip_submission

_ZIP = "submission.zip"


def submit_movies(run: Run, mice: Sequence[MovieMouse], output: Path) -> list[Path]:
    """Predicts the competition's tiers; memory holds one trial.

    Args:
        run: Whose model predicts.
        mice: Some of its mice, all of their neurons.
        output: Folder for the files.

    Returns:
        A file for each tier that some mouse has, and a zip of them.

    Raises:
        SensoriumError: If no mouse has one of the tiers, or a file cannot be written.
    """
    known = mice[0].challenge.test_tiers
    tiers = [tier for tier in known if any(tier in mouse.tiers for mouse in mice)]
    if not tiers:
        names = ", ".join(mouse.name for mouse in mice)
        raise SensoriumError(f"{names}: none of the tiers {', '.join(known)} is there")
    predictors = {mouse.name: Predictor(run.model, mouse.name) for mouse in mice}
    paths = []
    for tier in tiers:
        paths.append(output / known[tier])
        having = [mouse for mouse in mice if tier in mouse.tiers]
        rows = (row for mouse in having for row in _rows(predictors[mouse.name], mouse, tier))
        write_movie_submission(paths[-1], rows)
    names = ", ".join(mouse.name for mouse in mice)
    write_label(paths, model=run.name, mouse=names, provenance=run.provenance.to_json())
    return [*paths, zip_submission(output / _ZIP, paths)]


def _rows(predictor: Predictor, mouse: MovieMouse, tier: str) -> Iterator[MovieRow]:
    trials = mouse.trials(tier)
    for movie, rates in zip(trials, predictor.parts(trials), strict=True):
        yield MovieRow(
            mouse=mouse.challenge.free_stem(mouse.session_key),
            trial=movie.trial_index,
            values=rates,
            unit_ids=mouse.unit_ids,
        )
