"""`submission.json`: what the submissions in its folder are of."""

import hashlib
import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.reading import cannot_read, open_regular, read_json, reading

_LABEL = "submission.json"


def write_label(
    submissions: Sequence[Path], *, model: str, mouse: str, provenance: dict[str, Any]
) -> None:
    """Writes `submission.json`: what submissions are of, so that unequal ones can be told apart.

    Args:
        submissions: Files in one folder, which the label is put into.
        model: What it is called.
        mouse: Whose responses are predicted.
        provenance: The signals and trials that the model uses, JSON values.

    Raises:
        SensoriumError: If the file cannot be written.
    """
    label = {"model": model, "mouse": mouse, "provenance": provenance}
    files = {path.name: _digest(path) for path in submissions}
    with atomic_write(submissions[0].with_name(_LABEL)) as file:
        json.dump({**label, "sha256": files}, file, indent=2)


def read_label(submission: str | os.PathLike) -> dict[str, Any] | None:
    """Returns what `submission.json` beside a submission file says of it.

    Args:
        submission: The file.

    Returns:
        `{"model", "mouse", "provenance"}`; None if there is no label, it is another file's or, with
        a warning, it is damaged.
    """
    submission = expand(submission)
    path = submission.with_name(_LABEL)
    try:
        with reading(path, "is not the label of a submission"):
            label = read_json(path, parse_constant=_refuse_constant)
            if label["sha256"].get(submission.name) != _digest(submission):
                return None
            found = {"model": str(label["model"]), "mouse": str(label["mouse"])}
            return {**found, "provenance": dict(label["provenance"])}
    except FileNotFoundError:
        return None
    except SensoriumError as e:
        warnings.warn(str(e), stacklevel=2)
        return None


def _digest(path: Path) -> str:
    with open_regular(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as e:
            raise cannot_read(path, e) from e


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
