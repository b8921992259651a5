"""Tuning to drifting full-field gratings: direction and temporal frequency, by models of movies."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.challenges import challenge_of
from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico import stimuli
from sensorium_tf.insilico.ascent import progress
from sensorium_tf.insilico.experiment import experiment, option
from sensorium_tf.insilico.measures import angle_measures, peak_measures, vector_sums
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import curve_panels
from sensorium_tf.insilico.results import Result, of_neurons
from sensorium_tf.insilico.saved import axes
from sensorium_tf.insilico.tracing import batches
from sensorium_tf.insilico.tuning import (
    check_contrast,
    grating_wavelengths,
    increasing,
    of_contrast,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_N_DIRECTIONS, _N_WAVELENGTHS = 12, 4
_FREQUENCIES = (1.0, 2.0, 4.0, 8.0)  # cycles a second
_MOVIES_AT_ONCE = 16


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class DriftingGratingResponses(Result):
    """Rates to drifting full-field gratings.

    Attributes:
        directions: `(directions,)` radians, of the motion: 0 to the right, growing clockwise on the
            screen.
        wavelengths: `(wavelengths,)` pixels of the model's frames.
        frequencies: `(frequencies,)` cycles a second.
        rates: `(neurons, directions, wavelengths, frequencies, frames)`, after the settling time.
    """

    directions: np.ndarray = axes("directions")
    wavelengths: np.ndarray = axes("wavelengths", is_length=True)
    frequencies: np.ndarray = axes("frequencies")
    rates: np.ndarray = axes("neurons directions wavelengths frequencies frames")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class DirectionTuning(DriftingGratingResponses):
    """Tuning to direction of motion, at each neuron's best wavelength and temporal frequency.

    Attributes:
        curves: `(neurons, directions)`, rates: means over frames.
        preferred: `(neurons,)` radians, 0 to 2 pi: the angle of the sum of `r exp(i theta)`.
        selectivity: `(neurons,)`, DSI: `abs(sum r exp(i theta)) / sum r`.
        p_values: `(neurons,)`, share of permutations of the rates over directions whose DSI is as
            large.
        orientations: `(neurons,)` radians, 0 to pi, the preferred orientation of the wave: half the
            angle of the sum of `r exp(2i theta)`.
        orientation_selectivity: `(neurons,)`, OSI: `abs(sum r exp(2i theta)) / sum r`.
    """

    curves: np.ndarray = axes("neurons directions")
    preferred: np.ndarray = axes("neurons")
    selectivity: np.ndarray = axes("neurons")
    p_values: np.ndarray = axes("neurons")
    orientations: np.ndarray = axes("neurons")
    orientation_selectivity: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of each neuron's curve, the preferred direction marked."""
        return curve_panels(
            np.degrees(self.directions),
            self.curves,
            self.labels,
            label="direction of motion (degrees)",
            marks=np.degrees(self.preferred),
            ticks=(0, 180, 360),
        )


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class TemporalFrequencyTuning(DriftingGratingResponses):
    """Tuning to temporal frequency, at each neuron's best direction and wavelength.

    Attributes:
        curves: `(neurons, frequencies)`, rates: means over frames.
        preferred: `(neurons,)`, cycles a second: the top of the parabola through the highest point
            and its neighbours over log frequency.
        modulation: `(neurons,)`, F1 / F0 over frames at the best frequency: amplitude of the
            fundamental over the mean. Above 1 for most simple cells, below for complex ones.
    """

    curves: np.ndarray = axes("neurons frequencies")
    preferred: np.ndarray = axes("neurons")
    modulation: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of each neuron's curve, the preferred frequency marked."""
        return curve_panels(
            self.frequencies,
            self.curves,
            self.labels,
            label="temporal frequency (cycles a second)",
            marks=self.preferred,
            logarithmic=True,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DriftingGratings:
    """Drifting full-field gratings: all combinations of directions, wavelengths, frequencies."""

    directions: ArrayLike | None = option(
        None, "Radians, evenly spaced over 0 to 2 pi, 2 pi left out; 12 if left out."
    )
    wavelengths: ArrayLike | None = option(
        None,
        "Pixels of the model's frames; 4 of a sixteenth to a third of their width if left out.",
    )
    frequencies: ArrayLike = option(
        _FREQUENCIES,
        "Cycles a second, below half the frame rate. Of those that make no whole cycles in "
        "`seconds`, phase enters the mean rate.",
    )
    contrast: float = option(1.0, "As of `orientation_tuning`.")
    seconds: float = option(1.0, "Over which the rates of each movie are averaged.")
    settling: float = option(
        0.5, "Seconds from the model's first rate to the first that counts, for rates to settle."
    )


@experiment(DriftingGratings, movies=True)
def direction_tuning(
    neurons: Neurons, gratings: DriftingGratings, *, n_permutations: int = 1000, seed: int = 0
) -> DirectionTuning:
    """Measures tuning to direction of motion, all neurons by the same movies (192 by default).

    A movie shows one grating that drifts from its first frame on.

    Args:
        n_permutations: For the p-values.
        seed: Of the permutations.
    """
    permuted = {"n_permutations": n_permutations, "seed": seed}
    shared = _responses(neurons, gratings, **permuted)
    return DirectionTuning(
        **shared, **direction_measures(shared["rates"], shared["directions"], **permuted)
    )


@experiment(DriftingGratings, movies=True)
def temporal_frequency_tuning(
    neurons: Neurons, gratings: DriftingGratings
) -> TemporalFrequencyTuning:
    """Measures tuning to temporal frequency, by the movies of `direction_tuning`."""
    shared = _responses(neurons, gratings)
    return TemporalFrequencyTuning(
        **shared,
        **temporal_frequency_measures(
            shared["rates"], shared["frequencies"], frame_rate=shared["settings"]["frame_rate"]
        ),
    )


def direction_measures(
    rates: np.ndarray, directions: np.ndarray, *, n_permutations: int, seed: int
) -> dict[str, np.ndarray]:
    """Returns what `DirectionTuning` has beside the responses.

    Args:
        rates: `(neurons, directions, wavelengths, frequencies, frames)`.
        directions: `(directions,)` radians.
        n_permutations: For the p-values.
        seed: Of the permutations.
    """
    flat = rates.reshape(*rates.shape[:2], -1, rates.shape[-1])
    measures = angle_measures(
        flat, directions, harmonic=1, n_permutations=n_permutations, seed=seed
    )
    orientations, selectivity = vector_sums(measures["curves"], directions, harmonic=2)
    return {**measures, "orientations": orientations, "orientation_selectivity": selectivity}


def temporal_frequency_measures(
    rates: np.ndarray, frequencies: np.ndarray, *, frame_rate: float
) -> dict[str, np.ndarray]:
    """Returns what `TemporalFrequencyTuning` has beside the responses.

    Args:
        rates: `(neurons, directions, wavelengths, frequencies, frames)`.
        frequencies: `(frequencies,)` cycles a second.
        frame_rate: Frames a second.
    """
    phases = 2 * np.pi * np.outer(frequencies, np.arange(rates.shape[-1])) / frame_rate
    flat = rates.reshape(len(rates), -1, *rates.shape[3:])
    return peak_measures(flat, frequencies, phases)


def _responses(neurons: Neurons, gratings: DriftingGratings, **settings: Any) -> dict[str, Any]:
    """Returns the arguments of `DriftingGratingResponses`."""
    check_contrast(gratings.contrast)
    frame_rate = challenge_of(neurons.inputs.challenge).frame_rate
    directions = gratings.directions
    if directions is None:
        directions = np.arange(_N_DIRECTIONS) * 2 * np.pi / _N_DIRECTIONS
    directions = increasing("directions", directions, 3)
    if directions[0] < 0 or directions[-1] >= 2 * np.pi:
        raise SensoriumError("directions: expected radians from 0 to 2 pi, 2 pi left out")
    wavelengths = grating_wavelengths(neurons, gratings.wavelengths, number=_N_WAVELENGTHS)
    frequencies = increasing("frequencies", gratings.frequencies, 1)
    if frequencies[0] <= 0 or frequencies[-1] >= frame_rate / 2:
        raise SensoriumError(
            f"frequencies: expected cycles a second, above 0 and below half the frame rate, "
            f"{frame_rate / 2:g}"
        )
    n_frames = _frames("seconds", gratings.seconds, frame_rate, least=2)
    n_before = neurons.lost_frames + _frames("settling", gratings.settling, frame_rate, least=0)
    shown = stimuli.grid(direction=directions, wavelength=wavelengths, frequency=frequencies)
    rates = []
    # Drawn when they are shown: all at once would take hundreds of megabytes.
    parts = batches(len(shown["direction"]), _MOVIES_AT_ONCE)
    for rows in progress(parts, f"drifting gratings, {_MOVIES_AT_ONCE} at once"):
        waves = stimuli.drifting_gratings(
            neurons.image_shape[:2],
            *(values[rows] for values in shown.values()),
            n_frames=n_before + n_frames,
            frame_rate=frame_rate,
        )
        found = neurons.rates(of_contrast(neurons, gratings.contrast * waves))
        rates.append(found[:, -n_frames:])
    shape = (len(directions), len(wavelengths), len(frequencies), n_frames, len(neurons))
    return {
        **of_neurons(
            neurons,
            contrast=gratings.contrast,
            amplitude=neurons.amplitude,
            frame_rate=frame_rate,
            seconds=gratings.seconds,
            settling=gratings.settling,
            **settings,
        ),
        "directions": directions,
        "wavelengths": wavelengths,
        "frequencies": frequencies,
        "rates": np.moveaxis(np.concatenate(rates).reshape(shape), -1, 0),
    }


def _frames(name: str, seconds: float, frame_rate: float, *, least: int) -> int:
    """Returns how many frames a time has."""
    if not (np.isfinite(seconds) and round(seconds * frame_rate) >= least):
        raise SensoriumError(
            f"{name} {seconds}: expected a time in seconds, {least} or more frames of "
            f"{1 / frame_rate:.3g} s"
        )
    return round(seconds * frame_rate)
