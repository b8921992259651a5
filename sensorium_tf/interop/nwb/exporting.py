"""A recording written as an NWB file."""

import datetime
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.interop.nwb.mapping import NwbMapping
from sensorium_tf.interop.nwb.names import MAPPING_PATH, TRIAL_INDEX, column_name
from sensorium_tf.interop.nwb.writing import NO_CLOCK, Order, columns_of
from sensorium_tf.interop.nwb.written_signals import add_context, add_images, add_responses
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.recordings import Recording
from sensorium_tf.specs import IMAGE

_SUFFIX = ".nwb"
# NWB asks for a date of each session.
_NO_DATE = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_DATE_UNKNOWN = "The date of the session is not known; 1970-01-01 stands in its place."


def export_nwb(
    recording: str | os.PathLike,
    output: str | os.PathLike,
    *,
    tiers: Mapping[str, str] | None = None,
    session_start_time: datetime.datetime | None = None,
    challenge: Challenge = DEFAULT,
) -> Path:
    """Writes a recording as an NWB file, of which `import_nwb` makes the same recording again.

    Args:
        recording: Zip or folder.
        output: The file, `.nwb`; complete or not there.
        tiers: As of `recordings.Recording`.
        session_start_time: When the session began, with its time zone; if left out 1970-01-01
            stands in its place, and the file says so.
        challenge: The benchmark whose form the recording has.

    Returns:
        The file's path.

    Raises:
        SensoriumError: If pynwb is not installed, the recording cannot be read, or there is a file
            in the output's place.
    """
    output, pynwb = expand(output), _pynwb()
    if output.suffix != _SUFFIX:
        raise SensoriumError(f"{output}: expected a file name that ends in {_SUFFIX}")
    if output.exists():
        raise SensoriumError(f"{output}: is there already: delete it, or choose another name")
    if session_start_time is not None and session_start_time.tzinfo is None:
        raise SensoriumError(
            f"session_start_time {session_start_time}: has no time zone: add it, as in "
            "2021-05-01T10:00:00+02:00"
        )
    with Recording(recording, tiers=tiers, challenge=challenge) as source:
        content = _content(source, session_start_time, pynwb)
    with atomic_write(output, "wb") as file, warnings.catch_warnings():
        # HDF5 opens files by name, which this one has only in the end: some versions remark on it.
        warnings.filterwarnings("ignore", "The file path provided")
        # The lock that shows that somebody writes the file is ours: HDF5 need not have it.
        opened = h5py.File(file.name, "w", locking=False)
        with pynwb.NWBHDF5IO(file=opened, mode="w") as nwb:
            nwb.write(content)
    return output


def _content(recording: Recording, start: datetime.datetime | None, pynwb: Any) -> Any:
    """Returns the `NWBFile` of a recording."""
    order, challenge = Order.of(recording), recording.challenge.name
    notes = [NO_CLOCK, order.note, *([] if start else [_DATE_UNKNOWN])]
    file = pynwb.NWBFile(
        session_description=(
            f"Responses of neurons in the visual cortex of a mouse to images ({challenge}). "
            f"{' '.join(notes)}"
        ),
        identifier=f"{challenge}/{recording.session_key}",
        session_start_time=start or _NO_DATE,
        session_id=recording.session_key,
        subject=_subject(recording.session_key, pynwb),
        keywords=["visual cortex", "images", challenge],
    )
    mapping = NwbMapping(
        stimulus=add_images(file, recording, order),
        responses=add_responses(file, recording, order),
        context=add_context(file, recording, order),
        tier="tiers",
        image_id="frame_image_id",
        trial_id="trial_idx",
        trial_index=TRIAL_INDEX,
        unit_id="unit_ids",
        coordinates=("cell_motor_coordinates",),
        statistics=_add_statistics(file, recording),
        session=recording.session_key,
    )
    _add_trials(file, recording, order)
    file.add_scratch(
        json.dumps(mapping.to_json()),
        name=MAPPING_PATH.rpartition("/")[2],
        description="What is what in this file, for sensorium_tf's import_nwb.",
    )
    return file


def _subject(session_key: str, pynwb: Any) -> Any:
    animal, *others = session_key.split("-")
    return pynwb.file.Subject(
        subject_id=animal if len(others) == 2 and animal.isdecimal() else session_key,
        species="Mus musculus",
        sex="U",
        age="P0D/",  # any
        description="Age and sex are not part of the recording.",
    )


def _add_trials(file: Any, recording: Recording, order: Order) -> None:
    from pynwb.epoch import TimeIntervals

    index, ids = order.index, recording.trial_ids
    # As numbers 007 and 7 would be the same.
    plain = order.is_known and (ids.astype(np.int64).astype(str) == ids).all()
    columns = {
        "start_time": ("Number of the trial: times are not known.", order.times),
        "stop_time": ("Number of the trial plus 1.", order.times + 1),
        TRIAL_INDEX: ("Number of the trial in the recording.", index),
        "tiers": ("What the trial is for.", recording.tiers[index]),
        "frame_image_id": ("Image id; repeats share it.", recording.image_ids[index]),
        "trial_idx": ("Trial id.", (ids.astype(np.int64) if plain else ids)[index]),
    } | {
        column_name(name): (f"{name} of the recording's trials.", values[index])
        for name, values in recording.trials.items()
    }
    file.trials = TimeIntervals(
        name="trials",
        description=f"One image shown once. {NO_CLOCK}",
        columns=columns_of(columns),
    )


def _add_statistics(file: Any, recording: Recording) -> str | None:
    """Adds what the recording holds of statistics; returns their path."""
    from hdmf.common import DynamicTable

    if not recording.stored_statistics:
        return None
    tier = recording.challenge.training_tier
    module = file.create_processing_module("statistics", f"Over the trials of tier {tier}.")
    for signal, found in recording.stored_statistics.items():
        rows = "All pixels together." if signal == IMAGE else "A row for each column."
        columns = {
            name: (f"{name} over the trials of tier {tier}.", values.reshape(-1))
            for name, values in found.items()
        }
        table = DynamicTable(
            name=signal,
            description=f"Statistics of {signal}. {rows}",
            columns=columns_of(columns),
        )
        module.add(table)
    return "processing/statistics"


def _pynwb() -> Any:
    try:
        import pynwb
    except ImportError as e:
        raise SensoriumError(
            'writing NWB files needs pynwb: pip install "sensorium_tf[nwb]" (or pip install '
            "'.[nwb]' in a clone)"
        ) from e
    return pynwb
