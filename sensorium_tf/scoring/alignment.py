"""Two files side by side: the same trials and neurons in the same order."""

import os

import numpy as np

from sensorium_tf.challenges import Challenge
from sensorium_tf.scoring.files import PREDICTION, RESPONSES
from sensorium_tf.scoring.rows import Rows, shown_id


def aligned(
    submission: str | os.PathLike, ground_truth: str | os.PathLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reads a submission and the ground truth that it is scored with.

    Trials are aligned by trial id and neurons by unit id: the order of rows and, in each row, of
    neurons is free in both files.

    Args:
        submission: Written by `write_submission`.
        ground_truth: Written by `write_ground_truth`.

    Returns:
        Responses and rates, `(trials, neurons)` float32 each, and a number for each trial's image,
        `(trials,)`.

    Raises:
        SensoriumError: If a file is damaged, or trials, images or neurons of the two disagree.
    """
    truth = _Table(Rows(ground_truth, RESPONSES))
    prediction = _Table(Rows(submission, PREDICTION), like=truth)
    return truth.values, prediction.values, truth.image_numbers()


def check_image_submission(path: str | os.PathLike, *, challenge: Challenge) -> dict[str, int]:
    """Checks a submission of images by itself, as `check_submission`.

    Args:
        path: The file.
        challenge: Whose it is.

    Returns:
        How many `trials` and `neurons` it has.

    Raises:
        SensoriumError: If it is damaged, or its rows have other neurons each.
    """
    rows, n_trials, first, last = Rows(path, PREDICTION), 0, None, None
    for trial, _, _, unit_ids in rows:
        n_trials += 1
        # Nearly always one array in all rows.
        if unit_ids is not last:
            last = unit_ids
            first = np.sort(unit_ids) if first is None else first
            if not np.array_equal(np.sort(unit_ids), first):
                raise rows.error(f"trial {shown_id(trial)}: other neurons than in the first trial")
    return {"trials": n_trials, "neurons": len(first)}


# A spreadsheet does so with what it takes for numbers.
_SHORTENED = " (a spreadsheet has shortened it: format the column as text, or leave it as it was)"


class _Table:
    """All rows of a file as one array.

    Args:
        rows: The file's.
        like: Another file's table, whose trials and neurons this one must have; its order is taken.
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
            raise rows.error(
                f"trial {shown_id(trial)} is not in the ground truth: is it another mouse's?"
            )
        if image != self._images[trial]:
            raise rows.error(
                f"trial {shown_id(trial)} shows image {shown_id(image)}, but "
                f"{self._images[trial]} in the ground truth"
                f"{_SHORTENED if 'E' in image.upper() and '.' in image else ''}"
            )
