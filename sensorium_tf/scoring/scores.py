"""Scores of a submission file against a ground-truth file."""

import os
from typing import Any

from sensorium_tf.challenges import DEFAULT
from sensorium_tf.metrics import (
    Scores,
    evaluate_rates,
    has_repeats,
    oracle_correlation,
    summarize,
)
from sensorium_tf.scoring.alignment import aligned
from sensorium_tf.scoring.label import read_label


def score(
    submission: str | os.PathLike,
    ground_truth: str | os.PathLike,
    *,
    track: str = "sensorium",
) -> dict[str, Any]:
    """Scores a submission file as the competition does.

    Trials are aligned by trial id and neurons by unit id: the order of rows and, in each row, of
    neurons is free in both files.

    Args:
        submission: Written by `write_submission`.
        ground_truth: Written by `write_ground_truth`.
        track: `sensorium`, or `sensorium_plus`, for which FEVE is not defined.

    Returns:
        The competition's three numbers, `single_trial_correlation`, `correlation_to_average` and
        `feve`, which is None where `feve_reason` says why; and, to judge them by, `intervals`,
        `feve_neurons` and `oracle` (single-trial correlation of the mean over the other repeats of
        an image; None without repeats), all as in `evaluation.json`, and `submission`: what the
        label `submission.json` beside the file says of it, None if there is none.

    Raises:
        SensoriumError: If a file is damaged, holds values that are not finite numbers, or trials,
            images or neurons of the two disagree.
    """
    DEFAULT.track(track)
    responses, rates, images = aligned(submission, ground_truth)
    found = evaluate_rates(responses, rates, images, track=track)
    oracle = None
    if has_repeats(images):
        oracle = summarize({"single_trial_correlation": oracle_correlation(responses, images)})
    return {
        **found.to_json(),
        "oracle": oracle,
        "submission": read_label(submission),
    }


def score_neurons(
    submission: str | os.PathLike,
    ground_truth: str | os.PathLike,
    *,
    track: str = "sensorium",
) -> Scores:
    """Scores a submission file neuron by neuron.

    Args:
        submission: Written by `write_submission`.
        ground_truth: Written by `write_ground_truth`.
        track: `sensorium`, or `sensorium_plus`, for which FEVE is not defined.

    Returns:
        The scores of each neuron, in ascending order of their unit ids; `.means` are the
        competition's three numbers.

    Raises:
        SensoriumError: As `score`.
    """
    DEFAULT.track(track)
    responses, rates, images = aligned(submission, ground_truth)
    return evaluate_rates(responses, rates, images, track=track)
