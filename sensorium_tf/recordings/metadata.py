"""What a recording says of its trials and neurons, beside its signals."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from sensorium_tf.config import hint
from sensorium_tf.errors import SensoriumError, printable, shown
from sensorium_tf.recordings.storage import Storage

#: Some ten times as many as anybody has recorded at once.
MOST_TRIALS = 250_000
#: The same of neurons.
MOST_NEURONS = 1_000_000
# Under one of these names a recording keeps its image ids.
_IMAGE_IDS = ("frame_image_id", "colorframeprojector_image_id", "image_id")
_MOST_SAID = 4
# Micrometres: ten metres.
_FARTHEST = 1e7
_NEURON_METADATA = ("area", "layer", "animal_ids", "sessions", "scan_idx")


def _array(storage: Storage, name: str, shape: tuple[int, ...], why: str = "") -> np.ndarray:
    """Reads an array of this shape."""
    return storage.read(name, fits=lambda found: found == shape, expected=f"{shape}{why}")


def finite_numbers(storage: Storage, name: str, values: np.ndarray) -> np.ndarray:
    """Returns an array; raises SensoriumError unless it holds finite numbers."""
    if values.dtype.kind not in "biuf":
        raise SensoriumError(f"{storage.path}: {name} holds {values.dtype}, expected numbers")
    if not np.isfinite(values).all():
        raise SensoriumError(f"{storage.path}: {name} holds NaN or infinity")
    return values


def _whole_numbers(storage: Storage, name: str, values: np.ndarray) -> np.ndarray:
    """Returns ids as int64."""
    whole = values.dtype.kind in "iuf" and np.isfinite(values).all() and (values % 1 == 0).all()
    if not whole or (np.abs(values.astype(np.float64)) >= 2**63).any():
        raise SensoriumError(
            f"{storage.path}: {name} holds ids that are not whole numbers: number them, as with "
            "np.unique(ids, return_inverse=True)[1]"
        )
    return values.astype(np.int64)


def _text(storage: Storage, name: str, values: np.ndarray) -> np.ndarray:
    """Returns names or ids as strings."""
    if values.dtype.kind == "f":
        values = _whole_numbers(storage, name, values)
    try:
        if values.dtype.kind not in "SUiu":
            raise ValueError(f"{values.dtype} values")
        text = values.astype(str)
        "".join(text.ravel()).encode()
    except (SystemError, ValueError) as e:
        raise SensoriumError(f"{storage.path}: {name} is not text ({e})") from e
    # Files keep texts wider than the longest of them.
    return text.astype(f"U{np.char.str_len(text).max(initial=1)}")


def read_tiers(storage: Storage, known: Sequence[str], names: Mapping[str, str]) -> np.ndarray:
    """Returns the tier of each trial, `(trials,)`, empty for one that is to be left out.

    Args:
        storage: The recording's files.
        known: The challenge's tiers.
        names: Name of a tier in the file to the challenge's that it is, or to nothing.

    Raises:
        SensoriumError: If there is a tier that is neither known nor named.
    """
    name = "meta/trials/tiers.npy"
    tiers = _text(
        storage,
        name,
        storage.read(
            name,
            fits=lambda shape: len(shape) == 1 and 0 < shape[0] <= MOST_TRIALS,
            expected=f"(trials,), at most {MOST_TRIALS}",
        ),
    )
    return known_tiers(tiers, known, names, path=storage.path, name=name)


def known_tiers(
    tiers: np.ndarray,
    known: Sequence[str],
    names: Mapping[str, str],
    *,
    path: Path,
    name: str,
) -> np.ndarray:
    """Returns the challenge's tier of each trial, `(trials,)`, empty for one that is left out.

    Args:
        tiers: As the file names them, `(trials,)` strings.
        known: The challenge's tiers.
        names: Name of a tier in the file to the challenge's that it is, or to nothing.
        path: Of the file, for messages.
        name: Of the tiers in it, for messages.

    Raises:
        SensoriumError: If there is a tier that is neither known nor named.
    """
    if unknown := sorted({*names.values()} - {*known, ""}):
        raise SensoriumError(f"tiers: {shown(unknown[0])}: {hint(unknown[0], known)}")
    found, counts = np.unique(tiers, return_counts=True)
    there = {each: names.get(each, each) for each in found.tolist()}
    if absent := sorted({*names} - {*there}):
        raise SensoriumError(f"{path}: has no tier {shown(absent[0])}, but {_some(there)}")
    # Those that a name says nothing of may be called so by chance, as by an empty text.
    unknown = [each for each, ours in there.items() if each not in names and ours not in known]
    if unknown:
        n_trials = dict(zip(there, counts.tolist(), strict=True))
        name_there = unknown[0].lower()
        meant = [each for each in known if each.startswith(name_there)]
        if len(meant) != 1:
            meant = difflib.get_close_matches(name_there, known, 1) or ["TIER"]
        example = f"--tiers={printable(unknown[0][:40])}:{meant[0]}"
        raise SensoriumError(
            f"{path}: {name} names tiers that are not known, "
            f"{_some(unknown, lambda each: f' ({n_trials[each]} trials)')}: say which of "
            f"{', '.join(known)} each of them is, as in {example}, or "
            "nothing after the colon to leave it out"
        )
    if not any(there.values()):
        raise SensoriumError(f"{path}: every tier is left out: no trial remains")
    return np.array([there[each] for each in tiers.tolist()])


def _some(texts: Iterable[str], more: Callable[[str], str] = lambda _: "") -> str:
    """Returns the first of some names as a message can show them."""
    first, *others = (f"{shown(each)}{more(each)}" for each in texts)
    cut = " ..." if len(others) > _MOST_SAID else ""
    return ", ".join([first, *others[:_MOST_SAID]]) + cut


def _per_trial(storage: Storage, name: str, n_trials: int) -> np.ndarray:
    return _array(storage, name, (n_trials,), ", as many as there are tiers")


def read_image_ids(storage: Storage, n_trials: int) -> np.ndarray:
    """Returns the image of each trial, `(trials,)` int64."""
    name = _image_ids_name(storage)
    return _whole_numbers(storage, name, _per_trial(storage, name, n_trials))


def _image_ids_name(storage: Storage) -> str:
    there, names = storage.names("meta/trials"), [f"meta/trials/{each}.npy" for each in _IMAGE_IDS]
    return next((name for name in names if name in there), names[0])


def read_unit_ids(storage: Storage) -> np.ndarray:
    """Returns the id of each neuron, `(neurons,)` int64."""
    name = "meta/neurons/unit_ids.npy"
    values = storage.read(
        name,
        fits=lambda shape: len(shape) == 1 and 0 < shape[0] <= MOST_NEURONS,
        expected=f"(neurons,), at most {MOST_NEURONS}",
    )
    unit_ids = _whole_numbers(storage, name, values)
    if len(np.unique(unit_ids)) < len(unit_ids):
        storage.warn("some unit ids are duplicates: a submission of it cannot be scored")
    return unit_ids


def read_coordinates(storage: Storage, n_neurons: int) -> np.ndarray:
    """Returns where the neurons lie, `(neurons, 3)` float64 micrometres."""
    name = "meta/neurons/cell_motor_coordinates.npy"
    why = ": three micrometres for each of the unit ids"
    coordinates = _array(storage, name, (n_neurons, 3), why)
    coordinates = finite_numbers(storage, name, coordinates).astype(np.float64)
    if np.abs(coordinates).max() > _FARTHEST:
        raise SensoriumError(
            f"{storage.path}: {name} holds {np.abs(coordinates).max():.3g}, expected micrometres: "
            "convert them, or write zeros where places are not known"
        )
    if n_neurons > 1 and not np.ptp(coordinates[:, :2], axis=0).any():
        storage.warn(
            f"{name} puts all neurons at one place: kept, but receptive fields cannot be predicted "
            'from it: train with --positions=free, or readout="gaussian(positions=free)"'
        )
    return coordinates


def read_trial_ids(storage: Storage, n_trials: int) -> np.ndarray:
    """Returns the id of each trial, `(trials,)` strings."""
    name = "meta/trials/trial_idx.npy"
    trial_ids = _text(storage, name, _per_trial(storage, name, n_trials))
    if len(np.unique(trial_ids)) < n_trials:
        storage.warn("some trial ids are duplicates: a submission of it cannot be scored")
    return trial_ids


def read_neuron_metadata(storage: Storage, n_neurons: int) -> Mapping[str, np.ndarray]:
    """Returns what else is known of the neurons, name to `(neurons, ...)`; text or numbers."""
    known = {f"meta/neurons/{column}.npy" for column in _NEURON_METADATA}
    present = set(storage.names("meta/neurons")) - {
        "meta/neurons/unit_ids.npy",
        "meta/neurons/cell_motor_coordinates.npy",
    }
    if known - present:
        storage.warn(f"optional metadata are missing: {', '.join(sorted(known - present))}")
    found = _read_rows(storage, present, n_neurons, "neuron")
    if others := sorted(found.keys() - set(_NEURON_METADATA)):
        names = [f"meta/neurons/{each}.npy" for each in others]
        storage.warn(f"kept metadata that are not known: {_some(names)}")
    return found


def read_trial_metadata(storage: Storage, n_trials: int) -> dict[str, np.ndarray]:
    """Returns what else is known of the trials, name to `(trials, ...)`; text or numbers.

    Args:
        storage: The recording's files.
        n_trials: Number of rows, with those of trials that are left out.
    """
    there = set(storage.names("meta/trials"))
    used = {"meta/trials/tiers.npy", "meta/trials/trial_idx.npy", _image_ids_name(storage)}
    return _read_rows(storage, there - used, n_trials, "trial")


def _read_rows(
    storage: Storage, names: Iterable[str], n_rows: int, what: str
) -> dict[str, np.ndarray]:
    """Returns metadata that have a row for each neuron or trial; warns of what cannot be used."""
    found = {}
    for name in sorted(names):
        try:
            values = storage.read(
                name,
                fits=lambda shape: shape[:1] == (n_rows,),
                expected=f"({n_rows}, ...), a row for each {what}",
            )
            if values.dtype.kind == "M":
                values = np.datetime_as_string(values)
            if values.dtype.kind in "SU":
                values = _text(storage, name, values)
            elif values.dtype.kind not in "biuf":
                raise SensoriumError(f"{name} holds {values.dtype}, expected numbers or text")
        except SensoriumError as e:
            storage.warn(f"left out optional metadata: {e}")
            continue
        if values.dtype.kind == "f":
            values = values.astype(np.float64)
        found[name.rpartition("/")[2].removesuffix(".npy")] = values
    return found
