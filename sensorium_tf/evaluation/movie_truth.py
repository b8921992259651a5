"""From prepared mice that saw movies to the file that submissions are scored with."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sensorium_tf.challenges import Challenge, sensorium2023
from sensorium_tf.data import MovieMouse, load_mouse, mouse_names
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.recordings import MovieTruth
from sensorium_tf.scoring import (
    MovieRow,
    ground_truth_file,
    write_movie_ground_truth,
    write_movie_submission,
)
from sensorium_tf.specs import RESPONSE


def movie_ground_truth(
    mice: str | Sequence[str],
    tier: str,
    *,
    output: str | os.PathLike,
    truth: str | os.PathLike | None = None,
    true_rates: bool = False,
    data_dir: str | os.PathLike | None = None,
    challenge: Challenge = sensorium2023.CHALLENGE,
) -> Path:
    """Writes the ground-truth file of a tier of mice that saw movies; memory holds one trial.

    Args:
        mice: Prepared mice, names or one string that joins them by commas.
        tier: Which trials.
        output: Folder for the file.
        truth: `<stem>_truth.npz` of a simulated recording, or the recording that it lies beside,
            for a withheld tier of one mouse.
        true_rates: Whether to write a submission of the true rates, too, named as the tier's (or
            `predictions_<tier>.parquet.brotli`): what a perfect model would submit.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        challenge: Whose mice.

    Returns:
        The file, `ground_truth_file_<tier>.parquet.brotli`.

    Raises:
        SensoriumError: If a mouse has no such tier, or its responses are withheld and there is no
            truth.
    """
    names = mouse_names(mice)
    if truth is not None and len(names) > 1:
        raise SensoriumError("truth: is of one mouse: write the ground truth of one at a time")
    if true_rates and truth is None:
        raise SensoriumError("true rates: are in the truth file of a simulated recording (--truth)")
    opened = [load_mouse(name, data_dir=data_dir, challenge=challenge) for name in names]
    for mouse in opened:
        mouse.check_tier(tier, responses=truth is None)
    path = expand(output) / ground_truth_file(tier, challenge)
    with contextlib.ExitStack() as stack:
        known = None if truth is None else stack.enter_context(MovieTruth.open(truth))
        write_movie_ground_truth(
            path, (row for mouse in opened for row in _responses(mouse, tier, known))
        )
        if true_rates:
            name = challenge.test_tiers.get(tier, f"predictions_{tier}.parquet.brotli")
            write_movie_submission(path.with_name(name), _rates(opened[0], tier, known))
    return path


def _responses(mouse: MovieMouse, tier: str, truth: MovieTruth | None) -> Iterator[MovieRow]:
    """Yields the standardised responses of each trial, of the frames that are scored."""
    for movie in mouse.stream(tier):
        values = movie.signals[RESPONSE]
        if truth is not None:
            values = mouse.true_values(truth, movie, "responses")
        yield _row(mouse, movie.trial_index, values, movie.video_id)


def _rates(mouse: MovieMouse, tier: str, truth: MovieTruth) -> Iterator[MovieRow]:
    for movie in mouse.stream(tier):
        yield _row(mouse, movie.trial_index, mouse.true_values(truth, movie, "rates"), None)


def _row(mouse: MovieMouse, trial: int, values: np.ndarray, video_id: int | None) -> MovieRow:
    return MovieRow(
        mouse=mouse.challenge.free_stem(mouse.session_key),
        trial=trial,
        values=values[mouse.challenge.skip_frames :],
        unit_ids=mouse.unit_ids,
        video_id=video_id,
    )
