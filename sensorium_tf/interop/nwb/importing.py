"""A recording made of an NWB file."""

import json
import math
import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.interop.nwb.hdf5 import Hdf5File
from sensorium_tf.interop.nwb.mapping import NwbMapping
from sensorium_tf.interop.nwb.missing import known_trials, values_of
from sensorium_tf.interop.nwb.names import MAPPING_PATH
from sensorium_tf.interop.nwb.series import SeriesReader, Window
from sensorium_tf.interop.nwb.stimulus import ShownImages, read_stimulus
from sensorium_tf.interop.nwb.tables import Table, as_ids, as_text
from sensorium_tf.io import expand
from sensorium_tf.recordings import write_recording
from sensorium_tf.recordings.metadata import MOST_NEURONS, MOST_TRIALS, known_tiers
from sensorium_tf.recordings.numbers import whole_numbers
from sensorium_tf.specs import RESPONSE

_SUFFIX = ".zip"
# Parsed, a byte of JSON takes up to 30 in memory.
_LONGEST_MAPPING = 1 << 20


def import_nwb(
    path: str | os.PathLike,
    output: str | os.PathLike,
    *,
    mapping: NwbMapping | str | os.PathLike | None = None,
    session: str | None = None,
    tiers: Mapping[str, str] | None = None,
    challenge: Challenge = DEFAULT,
) -> Path:
    """Makes a recording, in the published file tree, of an NWB file.

    The file is read as data: nothing outside of it is opened, no extension that it names is loaded,
    and pynwb is not needed.

    Args:
        path: The NWB file.
        output: The zip file to write, or a folder for it.
        mapping: What is what in the file, or a JSON file that says so; a file of `export_nwb` says
            it itself.
        session: Session key or other name of the recording, instead of the mapping's.
        tiers: What the tiers of the file are called here, instead of the mapping's.
        challenge: The benchmark whose form the recording has.

    Returns:
        The recording's path.

    Raises:
        SensoriumError: If the file cannot be read, or does not hold what the mapping says, or there
            is a file in the recording's place.
    """
    path, output = expand(path), expand(output)
    if mapping is not None and not isinstance(mapping, NwbMapping):
        mapping = NwbMapping.load(mapping)
    with Hdf5File(path) as file:
        mapping = _mapping_in(file) if mapping is None else mapping
        session = session or mapping.session
        if session is None:
            raise SensoriumError(
                f"{path}: which session is it? Give a session key, such as --session=26872-17-20, "
                "or another name"
            )
        if output.suffix != _SUFFIX:
            output = output / f"{challenge.free_stem(session)}{_SUFFIX}"
        if output.exists():
            raise SensoriumError(f"{output}: is there already: delete it, or choose another name")
        arrays = _read(file, mapping, tiers=tiers or mapping.tiers, challenge=challenge)
        # The images are read while they are written.
        return write_recording(output, session_key=session, challenge=challenge, **arrays)


def _mapping_in(file: Hdf5File) -> NwbMapping:
    """Returns the mapping that a file of `export_nwb` holds."""
    node = file.get(MAPPING_PATH)
    if node is None:
        raise SensoriumError(
            f"{file.path}: was not written by export_nwb: say what is what in it by a mapping "
            "(--mapping), a JSON file as docs/nwb.md shows"
        )
    text = str(file.read(node, MAPPING_PATH))
    try:
        if len(text) > _LONGEST_MAPPING:
            raise ValueError(f"{len(text)} characters")
        return NwbMapping.of(json.loads(text))
    except (ValueError, RecursionError) as e:  # SensoriumError among them
        raise SensoriumError(f"{file.path}: {MAPPING_PATH} is no mapping ({e})") from e


def _read(
    file: Hdf5File, mapping: NwbMapping, *, tiers: Mapping[str, str], challenge: Challenge
) -> dict:
    """Returns the arguments of `write_recording`."""
    trials = Table(file, file.find(mapping.trials), mapping.trials, most_rows=MOST_TRIALS)
    tier = known_tiers(
        as_text(_one_a_row(file, trials, mapping.tier)),
        challenge.tiers,
        tiers,
        path=file.path,
        name=f"{mapping.trials}/{mapping.tier}",
    )
    rows = _order(file, trials, mapping)
    rows = rows[tier[rows] != ""]
    series = SeriesReader(file, trials, rows, _window(mapping))
    signals = {RESPONSE: series.read(mapping.responses)}
    for name, paths in mapping.context.items():
        signals[name] = np.concatenate([series.read(each) for each in paths], axis=1)
    neurons, unit_ids, coordinates = _neurons(file, mapping, signals[RESPONSE].shape[1])
    known = known_trials(file.path, signals, tier[rows], training_tier=challenge.training_tier)
    context = {name: values_of(known, values) for name, values in signals.items()}
    responses, rows = context.pop(RESPONSE), rows[known]
    images, ids = _images(file, mapping, trials, rows)
    used = (mapping.tier, mapping.trial_id, mapping.image_id, mapping.image_index)
    return {
        "images": images,
        "responses": responses,
        "context": context,
        "tiers": tier[rows],
        "image_ids": ids,
        "trial_ids": _trial_ids(_one_a_row(file, trials, mapping.trial_id)[rows]),
        "unit_ids": unit_ids,
        "cell_motor_coordinates": coordinates,
        "image_class": None,
        "neurons": neurons,
        "trials": {
            name: values[rows]
            for name, values in trials.others({*used, mapping.trial_index}).items()
        },
        "statistics": _statistics(file, mapping),
    }


def _window(mapping: NwbMapping) -> Window | None:
    if mapping.window_start is None:
        return None
    return Window(mapping.window_start, mapping.window_stop)


def _one_a_row(file: Hdf5File, table: Table, name: str) -> np.ndarray:
    values = table.column(name)
    if values.ndim != 1:
        raise SensoriumError(
            f"{file.path}: column {name} has shape {values.shape}, expected one value a row"
        )
    return values


def _order(file: Hdf5File, trials: Table, mapping: NwbMapping) -> np.ndarray:
    """Returns the rows of the trials in the order of the recording."""
    if mapping.trial_index is None:
        return np.arange(trials.n_rows)
    return np.argsort(_one_a_row(file, trials, mapping.trial_index), kind="stable")


def _images(
    file: Hdf5File, mapping: NwbMapping, trials: Table, rows: np.ndarray
) -> tuple[ShownImages, np.ndarray]:
    """Returns the image of each trial, `(trials, height, width, channels)`, and its id."""
    index = None
    if mapping.image_index is not None:
        index = _one_a_row(file, trials, mapping.image_index)
    colours = [
        read_stimulus(file, path, n_trials=trials.n_rows, index=index) for path in mapping.stimulus
    ]
    if len({each.images.shape[1:3] for each in colours}) > 1:
        raise SensoriumError(f"{file.path}: {' and '.join(mapping.stimulus)} are not of one size")
    images = ShownImages(colours, rows, axes=mapping.image_axes)
    # That much is written, if not held.
    file.spend(math.prod(images.shape) * images.dtype.itemsize, " and ".join(mapping.stimulus))
    if mapping.image_id is None:
        return images, images.ids()
    return images, as_ids(trials.column(mapping.image_id), f"{file.path}: {mapping.image_id}")[rows]


def _neurons(
    file: Hdf5File, mapping: NwbMapping, n_neurons: int
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Returns what is known of the neurons, their unit ids and their coordinates."""
    if mapping.neurons is not None:
        node, name, rows = file.find(mapping.neurons), mapping.neurons, np.arange(n_neurons)
    else:
        node, name, rows = _rois(file, mapping.responses)
    table = Table(file, node, name, most_rows=MOST_NEURONS)
    inside = rows.dtype.kind in "iu" and (rows >= 0).all() and (rows < table.n_rows).all()
    if len(rows) != n_neurons or not inside or (mapping.neurons and table.n_rows != n_neurons):
        raise SensoriumError(
            f"{file.path}: {mapping.responses} has {n_neurons} columns, which are not rows of "
            f"{name}, a table of {table.n_rows}"
        )
    unit_ids = as_ids(table.column(mapping.unit_id), f"{file.path}: {mapping.unit_id}")[rows]
    used = {mapping.unit_id, *mapping.coordinates}
    metadata = {name: values[rows] for name, values in table.others(used).items()}
    return metadata, unit_ids, _coordinates(file, table, mapping)[rows]


def _rois(file: Hdf5File, responses: str) -> tuple[object, str, np.ndarray]:
    """Returns the table of the neurons that a RoiResponseSeries names, and which of its rows."""
    node = file.find(responses)
    rois = file.get("rois", node) if isinstance(node, h5py.Group) else None
    table = None if rois is None else file.attribute(rois, "table")
    if not isinstance(table, h5py.Reference):
        raise SensoriumError(
            f"{file.path}: {responses} does not say where its neurons are: name their table as "
            "neurons in the mapping"
        )
    return (
        file.refers_to(table),
        f"the table of {responses}/rois",
        file.read(rois, f"{responses}/rois"),
    )


def _coordinates(file: Hdf5File, table: Table, mapping: NwbMapping) -> np.ndarray:
    """Returns where the neurons lie, `(rows, 3)` float64 micrometres."""
    if not mapping.coordinates:
        warnings.warn(
            f"{file.path}: no coordinates of the neurons in the mapping: they are zeros, so train "
            "with --positions=free",
            stacklevel=5,
        )
        return np.zeros((table.n_rows, 3))
    columns = [table.column(name) for name in mapping.coordinates]
    columns = [each[:, None] if each.ndim == 1 else each for each in columns]
    plain = all(each.ndim == 2 and each.dtype.kind in "iuf" for each in columns)
    found = np.concatenate(columns, axis=1).astype(np.float64) if plain else np.empty((0, 0))
    if found.shape[1] not in (2, 3) or not np.isfinite(found).all():
        raise SensoriumError(
            f"{file.path}: {', '.join(mapping.coordinates)}: expected two or three finite numbers "
            "for each neuron"
        )
    found = np.pad(found, ((0, 0), (0, 3 - found.shape[1])))
    return found if mapping.micrometres == 1 else found * mapping.micrometres


def _trial_ids(values: np.ndarray) -> np.ndarray:
    """Returns trial ids, whole numbers as such."""
    text = as_text(values)
    numbers = whole_numbers(text)
    return text if numbers is None or (numbers.astype(str) != text).any() else numbers


def _statistics(file: Hdf5File, mapping: NwbMapping) -> dict[str, dict[str, np.ndarray]]:
    """Returns the statistics that the file holds, by signal."""
    if mapping.statistics is None:
        return {}
    group, found = file.find(mapping.statistics), {}
    for signal in file.children(group):
        name = f"{mapping.statistics}/{signal}"
        table = Table(file, file.get(signal, group), name, most_rows=MOST_NEURONS)
        columns = table.others(())
        found[signal] = {
            key: values.reshape(()) if table.n_rows == 1 and signal == "image" else values
            for key, values in columns.items()
        }
    return found
