"""Which signals a recording holds, and in which files: found once, when it is opened."""

import dataclasses
import math
import re
from collections.abc import Callable

from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings.storage import Storage
from sensorium_tf.specs import RecordingSpec, SignalSpec, check_context_name

# Of one trial: more than any screen has pixels.
_MOST_VALUES = 1 << 23


@dataclasses.dataclass(frozen=True)
class SignalFiles:
    """A signal that a recording holds.

    Attributes:
        spec: The signal, its shape known.
        names: The file of each trial.
    """

    spec: SignalSpec
    names: list[str]


def find_signals(
    storage: Storage,
    known: RecordingSpec,
    *,
    n_trials: int,
    n_neurons: int,
    warn: Callable[[str], None],
) -> dict[str, SignalFiles]:
    """Returns the signals of a recording by name, those that are known first.

    Any other folder under `data` is a context signal of the folder's name; one that cannot be used
    is left out with a warning.

    Args:
        storage: The recording's files.
        known: The signals that recordings of this kind have.
        n_trials: Number of trials.
        n_neurons: Number of neurons.
        warn: What says a warning.

    Raises:
        SensoriumError: If a required signal is missing, or one that is known is damaged.
    """
    found = {}
    for signal in known.signals:
        if not signal.required and not _numbers(storage, signal.folder):
            continue
        names = _names(storage, signal.folder, n_trials)
        shape = {
            "stimulus": lambda name: _image_shape(storage, name),
            "response": lambda _: (n_neurons,),
            "context": lambda name: _columns(storage, name),
        }[signal.role](names[0])
        found[signal.name] = SignalFiles(signal.with_shape(shape), names)
    folders = {signal.folder for signal in known.signals}
    for folder in storage.folders("data"):
        if folder in folders or not _numbers(storage, folder):
            continue
        try:
            check_context_name(folder)
            names = _names(storage, folder, n_trials)
            spec = RecordingSpec(()).with_context(folder, *_columns(storage, names[0]))[folder]
        except SensoriumError as e:
            warn(f"left out data/{folder}: {e}")
            continue
        found[folder] = SignalFiles(spec, names)
    return found


def _numbers(storage: Storage, folder: str) -> set[int]:
    """Returns the trials that have a file in a folder."""
    return {
        int(match[1])
        for name in storage.names(f"data/{folder}")
        if (match := re.search(r"/(0|[1-9]\d{0,17})\.npy$", name)) is not None
    }


def _names(storage: Storage, folder: str, n_trials: int) -> list[str]:
    """Returns the file of each trial."""
    found, expected = _numbers(storage, folder), set(range(n_trials))
    if missing := expected - found:
        raise SensoriumError(
            f"{storage.path}: data/{folder}/{min(missing)}.npy is missing ({len(missing)} of "
            f"{n_trials} trials): the recording is incomplete, download it again"
        )
    if extra := found - expected:
        raise SensoriumError(
            f"{storage.path}: data/{folder}/{min(extra)}.npy is one too many: "
            f"meta/trials/tiers.npy knows {n_trials} trials"
        )
    return [f"data/{folder}/{trial}.npy" for trial in range(n_trials)]


def _image_shape(storage: Storage, name: str) -> tuple[int, int, int]:
    """Returns `(height, width, channels)` of the images, by the first of them."""
    found = storage.header(name).shape
    sizes = [n for n in found if n != 1]
    if len(sizes) not in (2, 3) or not 0 < math.prod(sizes) <= _MOST_VALUES:
        raise SensoriumError(
            f"{storage.path}: {name} has shape {found}, expected (channels, height, width)"
        )
    height, width = sizes[-2:]
    return height, width, *(sizes[:-2] or [1])


def _columns(storage: Storage, name: str) -> tuple[int]:
    """Returns how many columns a context signal has, by its first trial."""
    header = storage.header(name)
    size = math.prod(header.shape)
    if len([n for n in header.shape if n != 1]) > 1 or not 0 < size <= _MOST_VALUES:
        raise SensoriumError(
            f"{storage.path}: {name} has shape {header.shape}, expected a row of numbers"
        )
    if header.dtype.kind not in "biuf":
        raise SensoriumError(
            f"{storage.path}: {name} holds {header.dtype} values, expected numbers"
        )
    return (size,)
