"""Scores of a submission file against a ground-truth file."""

import os
from typing import Any

import numpy as np

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.metrics import (
    Scores,
    evaluate_rates,
    has_repeats,
    oracle_correlation,
    summarize,
)
from sensorium_tf.scoring.formats import format_of
from sensorium_tf.scoring.label import read_label


def score(
    submission: str | os.PathLike,
    ground_truth: str | os.PathLike,
    *,
    track: str | None = None,
    challenge: Challenge = DEFAULT,
) -> dict[str, Any]:
    """Scores a submission file as the competition does.

    Trials are aligned by trial id and neurons by unit id: the order of rows and, in each row, of
    neurons is free in both files.

    Args:
        submission: Written by `write_submission`, or `write_movie_submission` for movies.
        ground_truth: Written by `write_ground_truth`, or `write_movie_ground_truth`.
        track: Of the challenge, such as `sensorium`, its first if left out, or `sensorium_plus`,
            for which FEVE is not defined.
        challenge: Whose files they are.

    Returns:
        The competition's numbers, `single_trial_correlation`, `correlation_to_average` and `feve`
        (of movies `cc_norm`), which is None where `feve_reason` says why; and, to judge them by,
        `intervals`, `feve_neurons` and `oracle` (single-trial correlation of the mean over the
        other repeats of an image; None without repeats), all as in `evaluation.json`, and
        `submission`: what the label `submission.json` beside the file says of it, None if there is
        none. Of movies, whose files are of several mice, `mice` holds the numbers of each.

    Raises:
        SensoriumError: If a file is damaged, holds values that are not finite numbers, or trials,
            images or neurons of the two disagree.
    """
    track = challenge.track(track or challenge.default_track).name
    found, oracles = {}, []
    aligned = format_of(challenge).aligned
    for mouse in aligned(submission, ground_truth, challenge=challenge):
        found[mouse.mouse] = evaluate_rates(
            mouse.responses, mouse.rates, mouse.ids, track=track, challenge=challenge
        )
        if has_repeats(mouse.ids):
            oracles.append(oracle_correlation(mouse.responses, mouse.ids))
    oracle = None
    if oracles:
        oracle = summarize({"single_trial_correlation": np.concatenate(oracles)})
    scores = {
        **Scores.concatenate([*found.values()]).to_json(),
        "oracle": oracle,
        "submission": read_label(submission),
    }
    if None not in found:
        scores["mice"] = {mouse: each.to_json() for mouse, each in found.items()}
    return scores


def score_neurons(
    submission: str | os.PathLike,
    ground_truth: str | os.PathLike,
    *,
    track: str | None = None,
    challenge: Challenge = DEFAULT,
) -> Scores:
    """Scores a submission file neuron by neuron.

    Args:
        submission: As of `score`.
        ground_truth: As of `score`.
        track: As of `score`.
        challenge: Whose files they are.

    Returns:
        The scores of each neuron, in ascending order of their unit ids (mouse after mouse, in the
        order of the ground truth); `.means` are the competition's numbers.

    Raises:
        SensoriumError: As `score`.
    """
    track = challenge.track(track or challenge.default_track).name
    aligned = format_of(challenge).aligned
    return Scores.concatenate(
        [
            evaluate_rates(
                mouse.responses, mouse.rates, mouse.ids, track=track, challenge=challenge
            )
            for mouse in aligned(submission, ground_truth, challenge=challenge)
        ]
    )
