"""What the metadata of a prepared dataset say of its recording: written, read and checked."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sensorium_tf.challenges import Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings import MovieRecording, Recording
from sensorium_tf.specs import RESPONSE, RecordingSpec, SignalSpec, check_context_name

# Of one trial.
_MOST_VALUES = 2**24
_CHECKSUM = "checksum"
_N_FRAMES = "n_frames"
# As many responses that are all zeros are no chance.
_NEVER_SILENT = 100
_LONGEST_KEY = 255
# As of a recording's metadata.
_LARGEST_TEXTS_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True, eq=False)
class Description:
    """What belongs to a recording as a whole.

    Attributes:
        session_key: Such as `26872-17-20`.
        spec: The signals, every shape known.
        trials: The tiers it has, and the number of trials of each.
        neurons: Metadata of the neurons, name to array `(neurons, ...)`; `unit_ids` and
            `cell_motor_coordinates`, `(neurons, 3)` in micrometres, among them.
        statistics: Signal to `{"mean", "std"}` over the training trials, raw units: `()` for
            the image, `(columns,)` for the other signals.
        withheld_signals: Signals that are zeros because the competition hides them.
        withheld_tiers: Tiers whose responses are zeros for the same reason.
        n_frames: Of movies, tier to the frames of each of its trials, `(trials,)`; empty of images.
    """

    session_key: str
    spec: RecordingSpec
    trials: Mapping[str, int]
    neurons: Mapping[str, np.ndarray]
    statistics: Mapping[str, Mapping[str, np.ndarray]]
    withheld_signals: tuple[str, ...]
    withheld_tiers: tuple[str, ...]
    n_frames: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)


def describe(
    recording: Recording | MovieRecording,
    spec: RecordingSpec,
    *,
    withheld_signals: Sequence[str],
    silent_tiers: Mapping[str, int],
    n_frames: np.ndarray | None = None,
) -> dict[str, Any]:
    """Returns the metadata of a dataset, JSON values with their checksum.

    Args:
        recording: That is prepared.
        spec: What the dataset holds of it.
        withheld_signals: Context signals that are zeros in all trials.
        silent_tiers: Tiers whose responses are all zeros, and how many these are.
        n_frames: Of movies, the frames of each trial, `(trials,)`.
    """
    trials = {tier: recording.trials_of(tier) for tier in recording.challenge.tiers}
    trials = {tier: index for tier, index in trials.items() if index.size}
    metadata = {
        "session_key": recording.session_key,
        "spec": spec.to_json(),
        "trials": {tier: len(index) for tier, index in trials.items()},
        "neurons": {
            "unit_ids": recording.unit_ids.tolist(),
            "cell_motor_coordinates": recording.cell_motor_coordinates.tolist(),
            **{name: values.tolist() for name, values in recording.neurons.items()},
        },
        "statistics": {
            name: {
                "mean": recording.statistics[name].mean.tolist(),
                "std": recording.statistics[name].std.tolist(),
            }
            for name in spec.names
        },
        "withheld": {
            "signals": list(withheld_signals),
            "response_tiers": [
                tier
                for tier, n_zeros in silent_tiers.items()
                if _is_withheld(recording.challenge, tier, n_zeros)
            ],
        },
    }
    if n_frames is not None:
        of_tiers = {tier: n_frames[index].tolist() for tier, index in trials.items()}
        metadata[_N_FRAMES] = of_tiers
    return {**metadata, _CHECKSUM: checksum(metadata)}


def _is_withheld(challenge: Challenge, tier: str, n_zeros: int) -> bool:
    """Tells whether responses are zeros because they are hidden.

    A few neurons may well be silent in a few trials of a tier that no competition hides.
    """
    return tier in challenge.test_tiers or n_zeros >= _NEVER_SILENT


def checksum(metadata: Mapping[str, Any]) -> str:
    """Returns the sha256 of metadata, whatever their order and layout; their own is left out."""
    values = {key: value for key, value in metadata.items() if key != _CHECKSUM}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class UnexpectedError(Exception):
    """What is wrong with a value; becomes a SensoriumError that names the file."""


def expect(condition: bool, otherwise: str) -> None:
    """Raises an UnexpectedError that says what is wrong, unless a condition holds."""
    if not condition:
        raise UnexpectedError(otherwise)


def short(value: Any) -> str:
    """Returns a value that a file holds as printable text of bounded length."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def read_description(metadata: Mapping[str, Any], challenge: Challenge) -> Description:
    """Returns what the metadata of a dataset say of its recording, every value checked.

    Args:
        metadata: As `describe` makes them.
        challenge: Whose tiers there can be, and signals of whose kind.

    Raises:
        UnexpectedError: If a value is not one that this package writes.
    """
    tiers = challenge.tiers
    expect(metadata.get(_CHECKSUM) == checksum(metadata), "does not match its checksum")
    key, trials = metadata["session_key"], metadata["trials"]
    expect(
        isinstance(key, str) and 0 < len(key) <= _LONGEST_KEY and key.isprintable(),
        f"session_key is {short(key)}, expected text",
    )
    expect(
        bool(trials) and all(tier in tiers and _is_count(n) for tier, n in trials.items()),
        f"trials are {short(trials)}, expected the number of each tier",
    )
    neurons = {name: _array(values) for name, values in metadata["neurons"].items()}
    n_neurons = len(neurons["unit_ids"])
    for name, values in neurons.items():
        expect(
            values.shape[:1] == (n_neurons,) and values.dtype.kind in "biufU",
            f"{short(name)} has shape {values.shape} of {values.dtype}, expected {n_neurons} "
            "numbers or texts",
        )
    expect(
        n_neurons > 0 and neurons["unit_ids"].shape == (n_neurons,),
        "unit_ids are not one for each neuron",
    )
    expect(neurons["unit_ids"].dtype == np.int64, "unit_ids are not whole numbers")
    coordinates = neurons["cell_motor_coordinates"]
    expect(
        coordinates.shape == (n_neurons, 3) and _finite(coordinates),
        "cell_motor_coordinates are not three finite numbers for each neuron",
    )
    spec = _spec(metadata["spec"], n_neurons, challenge.recording.stimulus)
    withheld, context = metadata["withheld"], [signal.name for signal in spec.context]
    for name, known in (("signals", context), ("response_tiers", tiers)):
        expect(
            isinstance(withheld[name], list) and all(each in known for each in withheld[name]),
            f"withheld {name} are {short(withheld[name])}, expected some of {', '.join(known)}",
        )
    return Description(
        session_key=key,
        spec=spec,
        trials={tier: trials[tier] for tier in tiers if tier in trials},
        neurons=neurons,
        statistics=_statistics(metadata["statistics"], spec),
        withheld_signals=tuple(withheld["signals"]),
        withheld_tiers=tuple(withheld["response_tiers"]),
        n_frames=_n_frames(metadata[_N_FRAMES], trials) if spec.has_time else {},
    )


def _n_frames(found: Mapping[str, Any], trials: Mapping[str, int]) -> dict[str, np.ndarray]:
    expect(
        isinstance(found, Mapping)
        and found.keys() == trials.keys()
        and all(isinstance(each, list) and all(map(_is_count, each)) for each in found.values())
        and all(len(each) == trials[tier] for tier, each in found.items()),
        f"n_frames are {short(found)}, expected the number of frames of each trial",
    )
    return {tier: np.array(each, np.int64) for tier, each in found.items()}


def _array(values: Any) -> np.ndarray:
    """Returns values of JSON as an array, in which each text takes as much as the longest."""
    n_texts, longest, inner = 0, 0, [values]
    while inner:
        value = inner.pop()
        if isinstance(value, list):
            inner.extend(value)
        elif isinstance(value, str):
            n_texts, longest = n_texts + 1, max(longest, len(value))
    expect(4 * n_texts * longest <= _LARGEST_TEXTS_BYTES, "texts of neurons are too long")
    return np.asarray(values)


def _spec(values: Any, n_neurons: int, stimulus: SignalSpec) -> RecordingSpec:
    try:
        spec = RecordingSpec.from_json(values)
        for signal in spec.context:
            check_context_name(signal.name)
    except SensoriumError as e:
        raise UnexpectedError(f"spec: {short(str(e))}") from e
    expect(len(set(spec.names)) == len(spec.names), "spec: a signal has a duplicate")
    axes = {"stimulus": 3, "response": 1, "context": 1}
    names = {"stimulus": stimulus.name, "response": RESPONSE}
    for signal in spec.signals:
        expect(
            names.get(signal.role, signal.name) == signal.name
            and signal.time_axis == stimulus.time_axis
            and (signal.time_axis is None or signal.shape[:1] == (None,))
            and len(signal.frame_shape) == axes[signal.role]
            and None not in signal.frame_shape
            and math.prod(signal.frame_shape) <= _MOST_VALUES,
            f"spec: {short(signal.name)} is a {signal.role} of shape {short(signal.shape)}",
        )
    expect(spec[RESPONSE].frame_shape == (n_neurons,), "spec: the response is not one a neuron")
    return spec


def _statistics(
    found: Mapping[str, Any], spec: RecordingSpec
) -> Mapping[str, Mapping[str, np.ndarray]]:
    statistics = {}
    for signal in spec.signals:
        shape = () if signal.role == "stimulus" else signal.frame_shape
        values = {name: np.asarray(found[signal.name][name]) for name in ("mean", "std")}
        for name, value in values.items():
            expect(
                value.shape == shape and _finite(value),
                f"{name} of {signal.name} has shape {value.shape}, expected finite numbers of "
                f"shape {shape}",
            )
        expect((values["std"] >= 0).all(), f"std of {signal.name} is negative")
        varies = signal.role == "context" or values["std"].any()
        expect(varies, f"std of {signal.name} is zero")
        statistics[signal.name] = values
    return statistics


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**31


def _finite(values: np.ndarray) -> bool:
    """Tells whether these are numbers that models, which compute in float32, can hold."""
    if values.dtype.kind not in "iuf":
        return False
    with np.errstate(over="ignore"):
        return bool(np.isfinite(values.astype(np.float32)).all())
