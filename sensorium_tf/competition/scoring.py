"""Scores of a submission file against a ground-truth file."""

import os
from typing import Any

import numpy as np

from sensorium_tf.competition.files import PREDICTION, RESPONSES, Rows, read_label
from sensorium_tf.metrics import (
    Scores,
    evaluate_rates,
    has_repeats,
    oracle_correlation,
    summarize,
)
from sensorium_tf.tracks import check_track


def score(
    submission: str | os.PathLike,
    ground_truth: str | os.PathLike,
    *,
    track: str = "sensorium",
) -> dict[str, float | None]:
    """Returns the means of `compare`: the competition's three numbers.

    `{"single_trial_correlation", "correlation_to_average", "feve"}`, `feve` None where it is not
    defined. Arguments and errors are those of `compare`.
    """
    return compare(submission, ground_truth, track=track).means


def compare(
    submission: str | os.PathLike,
    ground_truth: str | os.PathLike,
    *,
    track: str = "sensorium",
) -> Scores:
    """Scores a submission file as the competition does.

    Trials are aligned by trial id and neurons by unit id: the order of rows and, in each row, of
    neurons is free in both files.

    Args:
      submission: written by `write_submission`.
      ground_truth: written by `write_ground_truth`.
      track: `sensorium`, or `sensorium_plus`, for which FEVE is not defined.

    Returns:
      The scores of each neuron; `.means` is `{"single_trial_correlation",
      "correlation_to_average", "feve"}`, `feve` None where `.reasons["feve"]` says why.

    Raises:
      SensoriumError: if a file is damaged, holds values that are not finite numbers, or trials,
        images or neurons of the two disagree.
    """
    responses, rates, images = _aligned(submission, ground_truth, track)
    return evaluate_rates(responses, rates, images, track=track)


def score_summary(
    submission: str | os.PathLike,
    ground_truth: str | os.PathLike,
    *,
    track: str = "sensorium",
) -> dict[str, Any]:
    """Returns the competition's three numbers, and what there is to judge them by.

    Arguments and errors are those of `compare`.

    Returns:
      What `score` returns and, beside it, `intervals`, `feve_neurons`, `feve_reason` and `oracle`
      (single-trial correlation of the mean over the other repeats of an image; None without
      repeats), all as in `evaluation.json`, and `submission`: what `read_label` finds beside the
      file.
    """
    responses, rates, images = _aligned(submission, ground_truth, track)
    found = evaluate_rates(responses, rates, images, track=track)
    oracle = None
    if has_repeats(images):
        oracle = summarize({"single_trial_correlation": oracle_correlation(responses, images)})
    return {
        **found.to_json(),
        "oracle": oracle,
        "submission": read_label(submission),
    }


def _aligned(
    submission: str | os.PathLike, ground_truth: str | os.PathLike, track: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns responses and rates, `(trials, neurons)` each, and the trials' images."""
    check_track(track)
    truth = _Table(Rows(ground_truth, RESPONSES))
    prediction = _Table(Rows(submission, PREDICTION), like=truth)
    return truth.values, prediction.values, truth.image_numbers()


class _Table:
    """All rows of a file as one array.

    Args:
      rows: the file's.
      like: another file's table, whose trials and neurons this one must have; its order is taken.
    """

    def __init__(self, rows: Rows, like: "_Table | None" = None):
        self._images: dict[str, str] = {}
        self._unit_ids: np.ndarray | None = None if like is None else like._unit_ids
        values: dict[str, np.ndarray] = {}
        last_unit_ids, order = None, None
        for trial, image, row, unit_ids in rows:
            if self._unit_ids is None:
                self._unit_ids = np.sort(unit_ids)
            if unit_ids is not last_unit_ids:
                order = self._order(unit_ids, trial, rows)
                last_unit_ids = unit_ids
            if like is not None:
                like._check(trial, image, rows)
            self._images[trial] = image
            values[trial] = row[order]
        trials = self._images if like is None else like._images
        missing = next((trial for trial in trials if trial not in values), None)
        if missing is not None:
            n_missing = len(trials) - len(values)
            raise rows.error(f"trial {missing} is missing ({n_missing} of {len(trials)} trials)")
        self.values = np.stack([values.pop(trial) for trial in trials])

    def image_numbers(self) -> np.ndarray:
        """Returns a number for each trial's image, `(trials,)`."""
        return np.unique(list(self._images.values()), return_inverse=True)[1]

    def _order(self, unit_ids: np.ndarray, trial: str, rows: Rows) -> np.ndarray:
        """Returns where the neurons, in ascending order of their ids, are in a row."""
        order = np.argsort(unit_ids)
        if not np.array_equal(unit_ids[order], self._unit_ids):
            missing = np.setdiff1d(self._unit_ids, unit_ids)
            which = (
                f"neuron {missing[0]} is missing"
                if missing.size
                else f"neuron {np.setdiff1d(unit_ids, self._unit_ids)[0]} is not expected"
            )
            raise rows.error(
                f"trial {trial}: {which} ({len(unit_ids)} neurons, {len(self._unit_ids)} expected)"
            )
        return order

    def _check(self, trial: str, image: str, rows: Rows) -> None:
        if trial not in self._images:
            raise rows.error(f"trial {trial} is not in the ground truth: is it another mouse's?")
        if image != self._images[trial]:
            raise rows.error(
                f"trial {trial} shows image {image}, but {self._images[trial]} in the ground truth"
            )
