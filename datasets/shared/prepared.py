"""A prepared dataset is checked before anything makes use of it."""

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from sensorium_tf.datasets.shared.description import (
    Description,
    expect,
    read_description,
    short,
)
from sensorium_tf.datasets.shared.features import features_of

from sensorium_tf.challenges import Challenge
from sensorium_tf.reading import read_json, reading

_INFO, _FEATURES, _METADATA = "dataset_info.json", "features.json", "metadata.json"
_COUNT = re.compile(r"[0-9]{1,10}")
_FILE_FORMATS = ("tfrecord", "array_record")
_FILE_NAMES = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"


def check_prepared(
    folder: Path, *, name: str, config: str, version: str, challenge: Challenge
) -> Description | None:
    """Checks a prepared dataset before TFDS opens it.

    TFDS, where it opens a folder by itself, imports the module of every class that `features.json`
    names, whoever wrote it.

    Args:
        folder: Of the dataset, with its version; may be absent.
        name: Of the dataset.
        config: Name of the mouse.
        version: Of the dataset.
        challenge: Whose recordings they are.

    Returns:
        What the dataset says of its recording; None if the folder is absent.

    Raises:
        SensoriumError: If it is not what this package writes.
    """
    if not folder.exists():
        return None
    with _guarded(folder / _INFO):
        expected = {"name": name, "configName": config, "version": version}
        splits = _splits(_read(folder / _INFO), expected, challenge.tiers)
    with _guarded(folder / _METADATA):
        description = read_description(_read(folder / _METADATA), challenge)
        expect(
            dict(description.trials) == splits,
            f"trials are not those of {_INFO} ({short(splits)})",
        )
    with _guarded(folder / _FEATURES):
        features = json_format.MessageToDict(features_of(description.spec).to_proto())
        expect(_read(folder / _FEATURES) == features, "not the features of this dataset")
    return description


def _splits(
    info: Mapping[str, Any], expected: Mapping[str, str], tiers: Sequence[str]
) -> dict[str, int]:
    """Returns the number of trials of each tier, from the information that TFDS keeps."""
    for key, value in expected.items():
        expect(info.get(key) == value, f"{key} is {short(info.get(key))}, expected {value}")
    expect(
        info.get("fileFormat") in _FILE_FORMATS, f"fileFormat is {short(info.get('fileFormat'))}"
    )
    found = {}
    for split in info["splits"]:
        name, lengths = split.get("name"), split.get("shardLengths")
        expect(
            name in tiers
            and split.get("filepathTemplate", _FILE_NAMES) == _FILE_NAMES
            and isinstance(lengths, list)
            and all(isinstance(n, str) and _COUNT.fullmatch(n) for n in lengths),
            f"split {short(name)} is not one of this package",
        )
        found[name] = sum(map(int, lengths))
    return found


def _read(path: Path) -> dict[str, Any]:
    """Reads a JSON file of a prepared dataset."""
    values = read_json(path)
    if not isinstance(values, dict):
        raise ValueError("not an object of JSON")
    return values


def _guarded(path: Path) -> contextlib.AbstractContextManager[None]:
    """Guards what reads a file of a prepared dataset."""
    return reading(
        path,
        "damaged, or not written by this package",
        remedy=f"delete the folder {path.parent} and prepare it again",
        missing=f"damaged (is missing): delete the folder {path.parent} and prepare it again",
    )
