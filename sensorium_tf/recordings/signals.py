"""Which signals a recording holds, and in which files: found once, when it is opened."""

import collections
import dataclasses
import math
import re
from collections.abc import Mapping, Set

from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings.problems import Problems
from sensorium_tf.recordings.storage import Storage
from sensorium_tf.specs import RecordingSpec, SignalSpec, check_context_name

# Of one trial: more than any screen has pixels.
_MOST_VALUES = 1 << 23
# A last axis as short as this is one of colours.
_MOST_COLOURS = 4
_OF_TRIAL = re.compile(r"/(\d{1,18})\.npy$", re.ASCII)


@dataclasses.dataclass(frozen=True)
class SignalFiles:
    """A signal that a recording holds.

    Attributes:
        spec: The signal, its shape known.
        names: Number of a trial to its file, ascending.
    """

    spec: SignalSpec
    names: Mapping[int, str]


def find_signals(
    storage: Storage,
    known: RecordingSpec,
    *,
    n_neurons: int,
    problems: Problems,
) -> dict[str, SignalFiles]:
    """Returns the signals of a recording by name, those that are known first.

    Any other folder under `data` is a context signal of the folder's name; one that cannot be used
    is left out with a warning.

    Args:
        storage: The recording's files.
        known: The signals that recordings of this kind have.
        n_neurons: Number of neurons.
        problems: Gets what is wrong with signals that are known.
    """
    found = {}
    for signal in known.signals:
        with problems:
            names = _names(storage, signal.folder)
            if not names and not signal.required:
                continue
            if not names:
                raise SensoriumError(_nothing_in(storage, signal.folder))
            first = next(iter(names.values()))
            shape = {
                "stimulus": lambda name: _image_shape(storage, name, known.has_time),
                "response": lambda _: (n_neurons,),
                "context": lambda name: _columns(storage, name, known.has_time),
            }[signal.role](first)
            time = (None,) if known.has_time else ()
            found[signal.name] = SignalFiles(signal.with_shape((*time, *shape)), names)
    # Those of most signals, and of as many the longest.
    counts = collections.Counter(frozenset(files.names) for files in found.values())
    trials = max(counts, key=lambda each: (counts[each], len(each)), default=frozenset())
    for files in found.values():
        with problems:
            _check_trials(storage, files.spec.folder, files.names, trials)
    folders = {signal.folder for signal in known.signals}
    for folder in storage.folders("data"):
        if folder in folders:
            continue
        try:
            check_context_name(folder)
            names = _names(storage, folder)
            if not names:
                continue
            _check_trials(storage, folder, names, trials)
            (size,) = _columns(storage, next(iter(names.values())), known.has_time)
            spec = known.with_context(folder, size)[folder]
        except SensoriumError as e:
            storage.warn(f"left out data/{folder}: {e}")
            continue
        found[folder] = SignalFiles(spec, names)
    return found


def _names(storage: Storage, folder: str) -> dict[int, str]:
    """Returns the files of a folder whose names are numbers, by number, ascending."""
    found: dict[int, str] = {}
    for name in storage.names(f"data/{folder}"):
        if (match := _OF_TRIAL.search(name)) is None:
            continue
        trial = int(match[1])
        if trial in found:
            raise SensoriumError(f"{storage.path}: {found[trial]} and {name} are one trial's")
        found[trial] = name
    return dict(sorted(found.items()))


def _nothing_in(storage: Storage, folder: str) -> str:
    """Returns what to say of a signal that has to be there and is not."""
    text = f"{storage.path}: data/{folder}/ with a file 0.npy, 1.npy ... for each trial is missing"
    others = ", ".join(f"data/{each}" for each in storage.folders("data")[:6] if each != folder)
    return f"{text} (there are {others or 'no data at all'}): {storage.remedy}"


def _check_trials(
    storage: Storage, folder: str, names: Mapping[int, str], trials: Set[int]
) -> None:
    """Refuses a signal whose trials are not those of the others."""
    if missing := trials - names.keys():
        raise SensoriumError(
            f"{storage.path}: data/{folder}/{min(missing)}.npy is missing ({len(missing)} of "
            f"{len(trials)} trials): the recording is incomplete, {storage.remedy}"
        )
    if extra := names.keys() - trials:
        raise SensoriumError(
            f"{storage.path}: {names[min(extra)]} is one too many: other signals have no such trial"
        )


def _image_shape(storage: Storage, name: str, has_time: bool) -> tuple[int, int, int]:
    """Returns `(height, width, channels)` of the images or frames, by the first trial."""
    found = storage.header(name).shape
    if has_time:
        found = found[:-1]
    if len(found) == 3 and 1 < found[-1] <= _MOST_COLOURS < found[0]:
        raise SensoriumError(
            f"{storage.path}: {name} has shape {found}, channels last, expected (channels, height, "
            "width): save each as np.moveaxis(image, -1, 0)"
        )
    sizes = [n for n in found if n != 1]
    if len(sizes) not in (2, 3) or not 0 < math.prod(sizes) <= _MOST_VALUES:
        raise SensoriumError(
            f"{storage.path}: {name} has shape {storage.header(name).shape}, expected (channels, "
            f"height, width{', time' if has_time else ''})"
        )
    height, width = sizes[-2:]
    return height, width, *(sizes[:-2] or [1])


def _columns(storage: Storage, name: str, has_time: bool) -> tuple[int]:
    """Returns how many columns a context signal has, by its first trial."""
    header = storage.header(name)
    shape = header.shape[:-1] if has_time else header.shape
    size = math.prod(shape)
    if len([n for n in shape if n != 1]) > 1 or not 0 < size <= _MOST_VALUES:
        expected = "(columns, time)" if has_time else "a row of numbers"
        raise SensoriumError(
            f"{storage.path}: {name} has shape {header.shape}, expected {expected}"
        )
    if header.dtype.kind not in "biuf":
        raise SensoriumError(
            f"{storage.path}: {name} holds {header.dtype} values, expected numbers"
        )
    return (size,)
