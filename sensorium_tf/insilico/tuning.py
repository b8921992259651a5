"""Tuning to full-field gratings: orientation and spatial frequency."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico import stimuli
from sensorium_tf.insilico.experiment import experiment, option
from sensorium_tf.insilico.measures import angle_measures, peak_measures
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
    permuted = {"n_permutations": n_permutations, "seed": seed}
    shared = _responses(neurons, gratings, **permuted)
    measures = angle_measures(shared["rates"], shared["orientations"], harmonic=2, **permuted)
    return OrientationTuning(**shared, **measures)


@experiment(Gratings)
def spatial_frequency_tuning(neurons: Neurons, gratings: Gratings) -> SpatialFrequencyTuning:
    """Measures tuning to spatial frequency, by the gratings of `orientation_tuning`."""
    shared = _responses(neurons, gratings)
    wavelengths = shared["wavelengths"]
    phases = np.tile(shared["phases"], (len(wavelengths), 1))
    return SpatialFrequencyTuning(**shared, **peak_measures(shared["rates"], wavelengths, phases))


def increasing(name: str, values: ArrayLike, least: int) -> np.ndarray:
    """Returns numbers that a user gives, float64.

    Raises:
        SensoriumError: If they are not in ascending order, or fewer than so many.
    """
    found = np.atleast_1d(np.asarray(values, np.float64))
    if found.ndim != 1 or len(found) < least or not np.isfinite(found).all():
        raise SensoriumError(f"{name}: expected {least} or more finite numbers")
    if (np.diff(found) <= 0).any():
        raise SensoriumError(f"{name}: expected in ascending order, without duplicates")
    return found


def grating_wavelengths(
    neurons: Neurons, given: ArrayLike | None, *, number: int = _N_WAVELENGTHS
) -> np.ndarray:
    """Returns the wavelengths of gratings in pixels: those given, or so many usual ones.

    Raises:
        SensoriumError: If the pixels cannot show one.
    """
    if given is None:
        shortest, longest = (neurons.image_shape[1] * share for share in _WAVELENGTHS)
        given = np.geomspace(max(shortest, _SHORTEST), longest, number)
    wavelengths = increasing("wavelengths", given, 1)
    if wavelengths[0] < 2:  # the pixels' own limit
        raise SensoriumError("wavelengths: expected two pixels or more")
    return wavelengths


def check_contrast(contrast: float) -> None:
    """Raises SensoriumError unless a contrast is one that can be shown and seen."""
    if not 0 < contrast <= 1:
        raise SensoriumError(f"contrast {contrast}: expected a number above 0, at most 1")


def of_contrast(neurons: Neurons, waves: np.ndarray) -> np.ndarray:
    """Returns images or movies `(..., height, width)` of a contrast as the model is given them."""
    shown = neurons.amplitude * waves
    return np.repeat(shown[..., None], neurons.image_shape[2], axis=-1).astype(np.float32)


def _responses(neurons: Neurons, gratings: Gratings, **settings) -> dict:
    """Returns the arguments of `GratingResponses`."""
    size, contrast = neurons.image_shape[:2], gratings.contrast
    check_contrast(contrast)
    usual = {
        "orientations": np.arange(_N_ORIENTATIONS) * np.pi / _N_ORIENTATIONS,
        "phases": np.arange(_N_PHASES) * 2 * np.pi / _N_PHASES,
    }
    given = {name: getattr(gratings, name) for name in usual}
    orientations, phases = (
        increasing(name, usual[name] if given[name] is None else given[name], 3) for name in usual
    )
    if orientations[0] < 0 or orientations[-1] >= np.pi:
        raise SensoriumError(
            "orientations: expected radians from 0 to pi, pi left out: a static model sees no "
            "motion, so it has no tuning to direction"
        )
    wavelengths = grating_wavelengths(neurons, gratings.wavelengths)
    shown = stimuli.grid(orientation=orientations, wavelength=wavelengths, phase=phases)
    waves = stimuli.gratings(size, shown["orientation"], shown["wavelength"], shown["phase"])
    rates = neurons.rates(of_contrast(neurons, contrast * waves))
    shape = (len(orientations), len(wavelengths), len(phases), len(neurons))
    return {
        **of_neurons(neurons, contrast=contrast, amplitude=neurons.amplitude, **settings),
        "orientations": orientations,
        "wavelengths": wavelengths,
        "phases": phases,
        "rates": np.moveaxis(rates.reshape(shape), -1, 0),
    }
