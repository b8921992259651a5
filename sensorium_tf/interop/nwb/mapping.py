"""Which objects of an NWB file are a recording's signals, trials and neurons."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any, Self

from sensorium_tf.config import Config, check_names, setting
from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.io import expand
from sensorium_tf.reading import read_json
from sensorium_tf.specs import check_context_name

_AXES = ("yx", "xy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NwbMapping(Config):
    """What of an NWB file is what of a recording; files of `export_nwb` hold their own.

    Objects are named by their paths in the file, such as `processing/ophys/response`, columns by
    their names in their table.

    Raises:
        SensoriumError: If a value is of another kind or out of its range.
    """

    title = "mapping"

    stimulus: tuple[str, ...] = setting(
        dataclasses.MISSING,
        "IndexSeries, ImageSeries, Images or column of the trials with the images; several are the "
        "colours of one image.",
    )
    responses: str = setting(
        dataclasses.MISSING,
        "Series, such as a RoiResponseSeries, of one column for each neuron.",
    )
    context: dict | None = setting(
        None,
        "Signal, such as behavior or pupil_center, to its series or column of the trials; several "
        "are columns side by side.",
    )
    window_start: float | None = setting(
        None,
        "First of the seconds after the start of a trial over which series that run on, instead of "
        "having one row for each trial, are averaged.",
    )
    window_stop: float | None = setting(None, "End of those seconds.")
    trials: str = setting("intervals/trials", "Table of the trials.")
    tier: str = setting(dataclasses.MISSING, "Column of the trials with their tiers.")
    tiers: dict | None = setting(
        None,
        "Name of a tier in the file to train, validation, test or final_test, or to nothing, which "
        "leaves its trials out.",
    )
    image_id: str | None = setting(
        None, "Column of the trials with image ids; if left out equal images have equal ids."
    )
    trial_id: str = setting("id", "Column of the trials with trial ids.")
    image_index: str | None = setting(
        None, "Column of the trials with the number, from 0, of each one's image in the stimulus."
    )
    trial_index: str | None = setting(
        None, "Column of the trials with their place in the recording; if left out as in the file."
    )
    image_axes: str = setting("yx", "Order of the axes of an image.", choices=_AXES)
    neurons: str | None = setting(
        None, "Table of the neurons; if left out the one that the rois of the responses are in."
    )
    unit_id: str = setting("id", "Column of the neurons with unit ids.")
    coordinates: tuple[str, ...] = setting(
        (),
        "Columns of the neurons with their place in cortex: x, y and z, or one column that holds "
        "them.",
    )
    micrometres: float = setting(
        1.0, "How many micrometres a unit of the coordinates has; 1e6 for metres.", above=0
    )
    statistics: str | None = setting(
        None,
        "Group with a table of statistics for each signal; if left out they are computed.",
    )
    session: str | None = setting(
        None, "Session key, such as 26872-17-20, or another name for the recording."
    )

    def __post_init__(self):
        super().__post_init__()
        context = {name: _paths(name, value) for name, value in (self.context or {}).items()}
        object.__setattr__(self, "context", context)
        for name in context:
            check_context_name(name)
        object.__setattr__(self, "tiers", self.tiers or {})
        for name, value in self.tiers.items():
            if not (type(name) is str and type(value) is str):
                raise SensoriumError(f"tiers {name!r}: expected text for text")
        window = (self.window_start, self.window_stop)
        if (None in window) != (window == (None, None)):
            raise SensoriumError("window_start and window_stop go together: give both")
        if None not in window and window[0] >= window[1]:
            raise SensoriumError(
                f"window_stop {window[1]:g}: expected more than window_start, {window[0]:g}"
            )
        if not self.stimulus:
            raise SensoriumError("stimulus: expected at least one series")

    @classmethod
    def of(cls, values: Any) -> Self:
        """Returns the mapping that some values describe.

        Args:
            values: Attributes by name, as JSON has them; those with a default may be left out.

        Raises:
            SensoriumError: If a name is unknown or missing, or a value is not possible.
        """
        if not isinstance(values, Mapping):
            raise SensoriumError("expected what is what by name, such as responses")
        fields = dataclasses.fields(cls)
        check_names(values, [field.name for field in fields], "name in a mapping")
        for field in fields:
            if field.default is dataclasses.MISSING and field.name not in values:
                raise SensoriumError(f"{field.name} is missing: {field.metadata['doc']}")
        return cls(**values)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Returns the mapping in a JSON file.

        Args:
            path: The file.

        Raises:
            SensoriumError: If it cannot be read, or is no mapping.
        """
        path = expand(path)
        try:
            return cls.of(read_json(path))
        except FileNotFoundError as e:
            raise SensoriumError(f"{path}: there is no such mapping") from e
        except SensoriumError as e:
            raise SensoriumError(f"{path}: {str(e).removeprefix(f'{path}: ')}") from e
        except (ValueError, RecursionError) as e:
            raise SensoriumError(f"{path}: not JSON ({one_line(e)[:200]})") from e


def _paths(name: Any, value: Any) -> tuple[str, ...]:
    """Returns the paths of a context signal."""
    paths = (value,) if isinstance(value, str) else value
    plain = isinstance(paths, list | tuple) and all(isinstance(path, str) for path in paths)
    if not (isinstance(name, str) and plain and paths):
        raise SensoriumError(f"context {name!r}: expected the path of a series, or a list of them")
    return tuple(paths)
