"""The competition's files: predicted rates or recorded responses as CSV, a row a trial.

A row names its trial, its image and, as Python lists in text, one value a neuron and the unit ids
of those neurons.
"""

import csv
import os

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import atomic_write

TRIAL, IMAGE, NEURONS = "trial_indices", "image_ids", "neuron_ids"
PREDICTION, RESPONSES = "prediction", "responses"


def ground_truth_file(tier: str, challenge: Challenge = DEFAULT) -> str:
    """Returns the name of a tier's ground-truth file."""
    return f"ground_truth_file_{tier}{challenge.file_suffix}"


def write_submission(
    path: str | os.PathLike,
    *,
    rates: ArrayLike,
    trial_ids: ArrayLike,
    image_ids: ArrayLike,
    unit_ids: ArrayLike,
) -> None:
    """Writes a submission file.

    Args:
        path: The file; it is complete or not there.
        rates: `(trials, neurons)`, predicted, in units of the responses' std.
        trial_ids: `(trials,)`, numbers or md5 strings.
        image_ids: `(trials,)`.
        unit_ids: `(neurons,)`.

    Raises:
        SensoriumError: If the shapes disagree, an id is a duplicate, a unit id is no whole number
            or a value is not finite (then nothing is written), or the file cannot be written.
    """
    _write(path, PREDICTION, rates, trial_ids, image_ids, unit_ids)


def write_ground_truth(
    path: str | os.PathLike,
    *,
    responses: ArrayLike,
    trial_ids: ArrayLike,
    image_ids: ArrayLike,
    unit_ids: ArrayLike,
) -> None:
    """Writes a ground-truth file: as `write_submission`, with standardised responses.

    Args:
        path: The file; it is complete or not there.
        responses: `(trials, neurons)`, divided by their std.
        trial_ids: `(trials,)`, numbers or md5 strings.
        image_ids: `(trials,)`.
        unit_ids: `(neurons,)`.

    Raises:
        SensoriumError: As `write_submission`.
    """
    _write(path, RESPONSES, responses, trial_ids, image_ids, unit_ids)


def _write(
    path: str | os.PathLike,
    column: str,
    values: ArrayLike,
    trial_ids: ArrayLike,
    image_ids: ArrayLike,
    unit_ids: ArrayLike,
) -> None:
    values = np.asarray(values, np.float32)
    trial_ids, image_ids, unit_ids = map(np.asarray, (trial_ids, image_ids, unit_ids))
    if values.shape != (len(trial_ids), len(unit_ids)) or len(image_ids) != len(trial_ids):
        raise SensoriumError(
            f"{path}: {column} has shape {values.shape}, for {len(trial_ids)} trial ids, "
            f"{len(image_ids)} image ids and {len(unit_ids)} unit ids"
        )
    if not values.size:
        raise SensoriumError(f"{path}: {column} has no trial or no neuron: nothing could be scored")
    if unit_ids.dtype.kind not in "iu":
        raise SensoriumError(f"{path}: unit ids are {unit_ids.dtype}, expected whole numbers")
    for name, ids in (("trial", trial_ids), ("unit", unit_ids)):
        if len(np.unique(ids)) < len(ids):
            raise SensoriumError(f"{path}: duplicate {name} ids: it could not be scored")
    for trial in map(str, trial_ids.tolist()):
        if not trial or trial != trial.strip() or not trial.isprintable():
            raise SensoriumError(f"{path}: trial id {trial!r} could not be read back")
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        trial = trial_ids[int(np.argmin(finite))]
        raise SensoriumError(f"{path}: {column} of trial {trial} holds NaN or infinity")
    neurons = str(unit_ids.tolist())
    # Nine digits read back as the same float32; one format for the row is the fastest way.
    row_format = f"[{', '.join(['%.9g'] * len(unit_ids))}]"
    with atomic_write(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([TRIAL, IMAGE, column, NEURONS])
        for trial, image, row in zip(trial_ids.tolist(), image_ids.tolist(), values, strict=True):
            writer.writerow([trial, image, row_format % tuple(row.tolist()), neurons])
