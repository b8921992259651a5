"""Tuning to full-field gratings: orientation and spatial frequency."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico import stimuli
from sensorium_tf.insilico.experiment import experiment, option
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import curve_panels
from sensorium_tf.insilico.results import Result, of_neurons
from sensorium_tf.insilico.saved import axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_N_ORIENTATIONS, _N_WAVELENGTHS, _N_PHASES = 12, 6, 8
# Shortest and longest wavelength by default, shares of the images' width.
_WAVELENGTHS = (1 / 16, 1 / 3)
_SHORTEST = 2.5  # pixels: of two, a cosine may have its zeros there


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class GratingResponses(Result):
    """Rates to full-field gratings.

    Attributes:
        orientations: `(orientations,)` radians, of the wave: 0 for vertical bars, growing clockwise
            on the screen.
        wavelengths: `(wavelengths,)` pixels of the model's images.
        phases: `(phases,)` radians.
        rates: `(neurons, orientations, wavelengths, phases)`.
    """

    orientations: np.ndarray = axes("orientations")
    wavelengths: np.ndarray = axes("wavelengths", is_length=True)
    phases: np.ndarray = axes("phases")
    rates: np.ndarray = axes("neurons orientations wavelengths phases")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class OrientationTuning(GratingResponses):
    """Tuning to orientation, at each neuron's best wavelength.

    Attributes:
        curves: `(neurons, orientations)`, rates: means over phases.
        preferred: `(neurons,)` radians, 0 to pi: half the angle of the sum of `r exp(2i theta)`.
        selectivity: `(neurons,)`, OSI: `abs(sum r exp(2i theta)) / sum r`.
        p_values: `(neurons,)`, share of permutations of the rates over orientations whose OSI is as
            large.
    """

    curves: np.ndarray = axes("neurons orientations")
    preferred: np.ndarray = axes("neurons")
    selectivity: np.ndarray = axes("neurons")
    p_values: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of each neuron's curve, the preferred orientation marked."""
        return curve_panels(
            np.degrees(self.orientations),
            self.curves,
            self.labels,
            label="orientation of the wave (degrees)",
            marks=np.degrees(self.preferred),
        )


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class SpatialFrequencyTuning(GratingResponses):
    """Tuning to spatial frequency, at each neuron's best orientation.

    Attributes:
        curves: `(neurons, wavelengths)`, rates: means over phases.
        preferred: `(neurons,)`, wavelength in pixels: the top of the parabola through the highest
            point and its neighbours over log wavelength.
        modulation: `(neurons,)`, F1 / F0 over phases at the best wavelength: amplitude of the
            fundamental over the mean. Above 1 for most simple cells, below for complex ones.
    """

    curves: np.ndarray = axes("neurons wavelengths")
    preferred: np.ndarray = axes("neurons", is_length=True)
    modulation: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of each neuron's curve, the preferred wavelength marked."""
        return curve_panels(
            self.wavelengths,
            self.curves,
            self.labels,
            label=f"wavelength ({self.length_unit})",
            marks=self.preferred,
            logarithmic=True,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Gratings:
    """Full-field gratings, all combinations of some orientations, wavelengths and phases."""

    orientations: ArrayLike | None = option(
        None, "Radians, evenly spaced over 0 to pi, pi left out; 12 if left out."
    )
    wavelengths: ArrayLike | None = option(
        None,
        "Pixels of the model's images; 6 of a sixteenth to a third of their width if left out.",
    )
    phases: ArrayLike | None = option(None, "Radians, evenly spaced over a cycle; 8 if left out.")
    contrast: float = option(
        1.0, "1 for `Neurons.amplitude`, the largest that a display allows around mean grey."
    )


@experiment(Gratings)
def orientation_tuning(
    neurons: Neurons, gratings: Gratings, *, n_permutations: int = 1000, seed: int = 0
) -> OrientationTuning:
    """Measures orientation tuning, all neurons by the same gratings (576 unless told otherwise).

    There is no tuning to direction: a static model sees no motion.

    Args:
        n_permutations: For the p-values.
        seed: Of the permutations.
    """
    shared = _responses(neurons, gratings, n_permutations=n_permutations, seed=seed)
    return OrientationTuning(
        **shared,
        **orientation_measures(
            shared["rates"], shared["orientations"], n_permutations=n_permutations, seed=seed
        ),
    )


@experiment(Gratings)
def spatial_frequency_tuning(neurons: Neurons, gratings: Gratings) -> SpatialFrequencyTuning:
    """Measures tuning to spatial frequency, by the gratings of `orientation_tuning`."""
    shared = _responses(neurons, gratings)
    return SpatialFrequencyTuning(
        **shared, **spatial_frequency_measures(shared["rates"], shared["wavelengths"])
    )


def orientation_measures(
    rates: np.ndarray, orientations: np.ndarray, *, n_permutations: int, seed: int
) -> dict[str, np.ndarray]:
    """Returns `curves`, `preferred`, `selectivity` and `p_values`, as of `OrientationTuning`.

    Args:
        rates: `(neurons, orientations, wavelengths, phases)`.
        orientations: `(orientations,)` radians.
        n_permutations: For the p-values.
        seed: Of the permutations.
    """
    best = rates.mean(3).max(1).argmax(1)
    at_best = rates[np.arange(len(rates)), :, best].astype(np.float64)
    curves = at_best.mean(2)
    wave = np.exp(2j * orientations)
    vectors = curves @ wave
    total = np.maximum(curves.sum(1), np.finfo(np.float64).tiny)
    flat = at_best.reshape(len(rates), -1)
    labels = np.repeat(wave, rates.shape[3])
    random = np.random.default_rng(seed)
    permuted = np.stack([random.permutation(labels) for _ in range(n_permutations)], axis=1)
    chance = np.abs(flat @ permuted) / rates.shape[3]
    as_large = (chance >= (np.abs(vectors) - 1e-9 * total)[:, None]).sum(1)
    return {
        "curves": curves,
        "preferred": np.angle(vectors) / 2 % np.pi,
        "selectivity": np.abs(vectors) / total,
        "p_values": (1 + as_large) / (1 + n_permutations),
    }


def spatial_frequency_measures(rates: np.ndarray, wavelengths: np.ndarray) -> dict[str, np.ndarray]:
    """Returns `curves`, `preferred` and `modulation`, as of `SpatialFrequencyTuning`.

    Args:
        rates: `(neurons, orientations, wavelengths, phases)`, phases evenly spaced.
        wavelengths: `(wavelengths,)` pixels, ascending.
    """
    rates = rates.astype(np.float64)
    each = np.arange(len(rates))
    at_best = rates[each, rates.mean(3).max(2).argmax(1)]
    curves = at_best.mean(2)
    top = curves.argmax(1)
    spectrum = np.abs(np.fft.rfft(at_best[each, top], axis=1))
    mean = np.maximum(spectrum[:, 0], np.finfo(np.float64).tiny)
    return {
        "curves": curves,
        "preferred": np.exp(_summit(np.log(wavelengths), curves, top)),
        "modulation": 2 * spectrum[:, 1] / mean,
    }


def _summit(positions: np.ndarray, curves: np.ndarray, top: np.ndarray) -> np.ndarray:
    """Returns where the parabola through each highest point and its neighbours has its top."""
    inside = (top > 0) & (top < len(positions) - 1)
    found = positions[top].copy()
    for neuron in np.flatnonzero(inside):
        points = slice(top[neuron] - 1, top[neuron] + 2)
        square, linear, _ = np.polyfit(positions[points], curves[neuron, points], 2)
        if square < 0:
            found[neuron] = -linear / (2 * square)
    return found


def _responses(neurons: Neurons, gratings: Gratings, **settings) -> dict:
    """Returns the arguments of `GratingResponses`."""
    size, contrast = neurons.image_shape[:2], gratings.contrast
    if not 0 < contrast <= 1:
        raise SensoriumError(f"contrast {contrast}: expected a number above 0, at most 1")
    shortest, longest = (size[1] * share for share in _WAVELENGTHS)
    usual = {
        "orientations": np.arange(_N_ORIENTATIONS) * np.pi / _N_ORIENTATIONS,
        "wavelengths": np.geomspace(max(shortest, _SHORTEST), longest, _N_WAVELENGTHS),
        "phases": np.arange(_N_PHASES) * 2 * np.pi / _N_PHASES,
    }
    given = {name: getattr(gratings, name) for name in usual}
    orientations, wavelengths, phases = (
        _increasing(name, usual[name] if given[name] is None else given[name], fewest)
        for name, fewest in (("orientations", 3), ("wavelengths", 1), ("phases", 3))
    )
    if orientations[0] < 0 or orientations[-1] >= np.pi:
        raise SensoriumError(
            "orientations: expected radians from 0 to pi, pi left out: a static model sees no "
            "motion, so it has no tuning to direction"
        )
    if wavelengths[0] < 2:  # the pixels' own limit
        raise SensoriumError("wavelengths: expected two pixels or more")
    shown = stimuli.grid(orientation=orientations, wavelength=wavelengths, phase=phases)
    waves = stimuli.gratings(size, shown["orientation"], shown["wavelength"], shown["phase"])
    images = contrast * neurons.amplitude * waves[..., None]
    rates = neurons.rates(np.tile(images, (1, 1, 1, neurons.image_shape[2])).astype(np.float32))
    shape = (len(orientations), len(wavelengths), len(phases), len(neurons))
    return {
        **of_neurons(neurons, contrast=contrast, amplitude=neurons.amplitude, **settings),
        "orientations": orientations,
        "wavelengths": wavelengths,
        "phases": phases,
        "rates": np.moveaxis(rates.reshape(shape), -1, 0),
    }


def _increasing(name: str, values: ArrayLike, least: int) -> np.ndarray:
    found = np.atleast_1d(np.asarray(values, np.float64))
    if found.ndim != 1 or len(found) < least or not np.isfinite(found).all():
        raise SensoriumError(f"{name}: expected {least} or more finite numbers")
    if (np.diff(found) <= 0).any():
        raise SensoriumError(f"{name}: expected in ascending order, without duplicates")
    return found
