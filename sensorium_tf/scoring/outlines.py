"""What a ground truth is about: trials, images or movies, and neurons, without their responses."""

import dataclasses
import os
import tempfile
from pathlib import Path

import numpy as np

from sensorium_tf.challenges import Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.scoring.alignment import aligned
from sensorium_tf.scoring.files import RESPONSES, write_ground_truth, write_submission
from sensorium_tf.scoring.movie_alignment import rows_of_mouse
from sensorium_tf.scoring.movie_files import write_movie_ground_truth
from sensorium_tf.scoring.movie_rows import MovieRows
from sensorium_tf.scoring.rows import Rows


def write_image_outline(
    ground_truth: str | os.PathLike, outline: str | os.PathLike, *, challenge: Challenge
) -> None:
    """Writes a ground-truth file of images with zeros as responses, and checks it on the way.

    Args:
        ground_truth: Written by `write_ground_truth`.
        outline: The file to write.
        challenge: Whose it is.

    Raises:
        SensoriumError: If the file is no ground truth.
    """
    trials, images, unit_ids = [], [], None
    for trial, image, _, units in Rows(ground_truth, RESPONSES):
        trials.append(trial)
        images.append(image)
        unit_ids = units if unit_ids is None else unit_ids
    zeros = np.zeros((len(trials), len(unit_ids)), np.float32)
    ids = {"trial_ids": trials, "image_ids": images, "unit_ids": unit_ids}
    write_ground_truth(outline, responses=zeros, **ids)
    with tempfile.TemporaryDirectory(prefix="sensorium-outline-") as folder:
        submission = Path(folder) / "submission"
        write_submission(submission, rates=zeros, **ids)
        try:
            aligned(submission, ground_truth)
        except SensoriumError as e:
            raise SensoriumError(
                f"{ground_truth}: trials or neurons differ from row to row ({e})"
            ) from e


def write_movie_outline(
    ground_truth: str | os.PathLike, outline: str | os.PathLike, *, challenge: Challenge
) -> None:
    """Writes a ground-truth file of movies with zeros as responses; memory holds one trial.

    Args:
        ground_truth: Written by `write_movie_ground_truth`.
        outline: The file to write.
        challenge: Whose mice they are.

    Raises:
        SensoriumError: If the file is no ground truth, or the rows of a mouse have other neurons
            each.
    """
    truth = MovieRows(ground_truth, RESPONSES, challenge=challenge)
    write_movie_ground_truth(
        outline,
        (
            dataclasses.replace(row, values=np.zeros_like(row.values))
            for mouse in truth.trials
            for row in rows_of_mouse(truth, mouse)
        ),
    )
