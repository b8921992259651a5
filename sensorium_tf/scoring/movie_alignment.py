"""Two files of movies side by side, a mouse at a time."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sensorium_tf.challenges import Challenge
from sensorium_tf.errors import SensoriumError, shown
from sensorium_tf.metrics import frame_ids, frame_mask
from sensorium_tf.scoring.files import PREDICTION, RESPONSES
from sensorium_tf.scoring.movie_files import MovieRow
from sensorium_tf.scoring.movie_rows import MovieRows

_MOST_SAID = 4


@dataclass(frozen=True, eq=False)
class Aligned:
    """Responses and rates of a mouse in the same order.

    Attributes:
        mouse: Its session key; None of files that are of one mouse and do not name it.
        responses: `(frames, neurons)` float32, of one trial after the other.
        rates: Same shape.
        ids: `(frames,)`; repeats of a frame share it.
    """

    mouse: str | None
    responses: np.ndarray
    rates: np.ndarray
    ids: np.ndarray


def aligned_movies(
    submission: str | os.PathLike, ground_truth: str | os.PathLike, *, challenge: Challenge
) -> Iterator[Aligned]:
    """Reads a submission of movies and the ground truth that it is scored with.

    Trials are aligned by mouse and number, neurons by unit id: their order is free in both files.
    Memory holds one mouse.

    Args:
        submission: Written by `write_movie_submission`.
        ground_truth: Written by `write_movie_ground_truth`.
        challenge: Whose mice they are.

    Yields:
        Each mouse of the ground truth.

    Raises:
        SensoriumError: If a file is damaged, or mice, trials, frames or neurons of the two
            disagree.
    """
    truth = MovieRows(ground_truth, RESPONSES, challenge=challenge)
    # What is more than there can be is not even read.
    rates = MovieRows(submission, PREDICTION, challenge=challenge, most_values=truth.n_values)
    for mouse, trials in truth.trials.items():
        found = rates.trials.get(mouse, {})
        if missing := sorted({*trials} - {*found}):
            raise rates.error(
                f"mouse {shown(mouse)}: trial {missing[0]} is missing ({len(missing)} of "
                f"{len(trials)} trials; its mice are {_some(rates.trials)})"
            )
        if more := sorted({*found} - {*trials}):
            raise rates.error(
                f"mouse {shown(mouse)}: trial {more[0]} is not in the ground truth: is it another "
                "tier's?"
            )
    if more := [mouse for mouse in rates.trials if mouse not in truth.trials]:
        raise rates.error(
            f"mouse {shown(more[0])} is not in the ground truth, which has {_some(truth.trials)}"
        )
    for mouse in truth.trials:
        yield _aligned_mouse(mouse, truth, rates)


def check_movie_submission(path: str | os.PathLike, *, challenge: Challenge) -> dict[str, int]:
    """Checks a submission by itself, as before an upload: every row is read once.

    Args:
        path: The file.
        challenge: Whose mice they are.

    Returns:
        How many `mice`, `trials` and `neurons` it has.

    Raises:
        SensoriumError: If the file is damaged, or the rows of a mouse have other neurons each.
    """
    rows = MovieRows(path, PREDICTION, challenge=challenge)
    n_neurons = 0
    for mouse in rows.trials:
        for row in rows_of_mouse(rows, mouse):
            n_of_mouse = len(row.unit_ids)
        n_neurons += n_of_mouse
    n_trials = sum(map(len, rows.trials.values()))
    return {"mice": len(rows.trials), "trials": n_trials, "neurons": n_neurons}


def rows_of_mouse(rows: MovieRows, mouse: str) -> Iterator[MovieRow]:
    """Yields the rows of a mouse, which have the same neurons each.

    Raises:
        SensoriumError: If one has other neurons, or is not what it should be.
    """
    first = None
    for row in rows.of_mouse(mouse):
        unit_ids = np.sort(row.unit_ids)
        first = unit_ids if first is None else first
        if not np.array_equal(unit_ids, first):
            raise rows.error(f"trial {row.trial}: other neurons than in the first trial")
        yield row


def _aligned_mouse(mouse: str, truth: MovieRows, rates: MovieRows) -> Aligned:
    """Reads one mouse of both files."""
    blocks, starts, videos = [], {}, []
    start = 0
    for row in rows_of_mouse(truth, mouse):
        order = np.argsort(row.unit_ids)
        unit_ids = row.unit_ids[order]
        blocks.append(row.values[:, order])
        starts[row.trial] = slice(start, start := start + len(row.values))
        videos.append(row.video_id)
    responses = np.concatenate(blocks)
    blocks.clear()
    predicted = np.empty_like(responses)
    for row in rates.of_mouse(mouse):
        rows = starts[row.trial]
        order = np.argsort(row.unit_ids)
        if not np.array_equal(row.unit_ids[order], unit_ids):
            raise _other_neurons(rates, mouse, row.trial, row.unit_ids, unit_ids)
        if len(row.values) != rows.stop - rows.start:
            raise rates.error(
                f"trial {row.trial} of mouse {shown(mouse)}: {len(row.values)} frames, expected "
                f"{rows.stop - rows.start}: those that are scored, without the first ones"
            )
        predicted[rows] = row.values[:, order]
    n_frames = [rows.stop - rows.start for rows in starts.values()]
    ids = frame_ids(videos, frame_mask(n_frames))
    return Aligned(mouse, responses, predicted, ids)


def _other_neurons(
    rates: MovieRows, mouse: str, trial: int, found: np.ndarray, expected: np.ndarray
) -> SensoriumError:
    missing, more = np.setdiff1d(expected, found), np.setdiff1d(found, expected)
    which = f"neuron {missing[0]} is missing" if missing.size else f"neuron {more[0]} is unknown"
    return rates.error(
        f"trial {trial} of mouse {shown(mouse)}: {which} ({len(found)} neurons, {len(expected)} "
        "expected)"
    )


def _some(mice: dict) -> str:
    names = [shown(mouse) for mouse in mice]
    return ", ".join(names[:_MOST_SAID]) + (" ..." if len(names) > _MOST_SAID else "")
