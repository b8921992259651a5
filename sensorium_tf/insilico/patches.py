"""Tuning to the size and the contrast of a grating at each neuron's own place."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico import stimuli
from sensorium_tf.insilico.experiment import experiment
from sensorium_tf.insilico.gabors import BestGabors, best_gabor
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import curve_panels
from sensorium_tf.insilico.results import Result, of_neurons
from sensorium_tf.insilico.saved import axes
from sensorium_tf.insilico.tuning import of_contrast

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_N_RADII = 12
_LARGEST_RADIUS = 1 / 2  # share of the images' width
_CONTRASTS = (0.0, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class SizeTuning(Result):
    """Rates to growing patches of each neuron's grating.

    Attributes:
        radii: `(radii,)` pixels of the model's images, ascending.
        rates: `(neurons, radii)`.
        preferred: `(neurons,)`, radius of the highest rate.
        suppression: `(neurons,)`, suppression index: `(highest - at the largest) / highest` rate.
    """

    radii: np.ndarray = axes("radii", is_length=True)
    rates: np.ndarray = axes("neurons radii")
    preferred: np.ndarray = axes("neurons", is_length=True)
    suppression: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of each neuron's curve, the preferred radius marked."""
        return curve_panels(
            self.radii,
            self.rates,
            self.labels,
            label=f"radius ({self.length_unit})",
            marks=self.preferred,
        )


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ContrastTuning(Result):
    """Rates to each neuron's Gabor patch at some contrasts.

    Attributes:
        contrasts: `(contrasts,)`, ascending; 1 is the largest that the display allows around the
            recording's mean grey.
        rates: `(neurons, contrasts)`.
        half_contrasts: `(neurons,)`, the first contrast, by interpolation, at which the rate is
            half way from that at the lowest to the highest.
    """

    contrasts: np.ndarray = axes("contrasts")
    rates: np.ndarray = axes("neurons contrasts")
    half_contrasts: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of each neuron's curve, the half contrast marked."""
        return curve_panels(
            self.contrasts, self.rates, self.labels, label="contrast", marks=self.half_contrasts
        )


@experiment()
def size_tuning(
    neurons: Neurons,
    *,
    gabors: BestGabors | None = None,
    radii: ArrayLike | None = None,
    contrast: float = 1.0,
) -> SizeTuning:
    """Measures the rates to discs of a grating that grow at each neuron's own place.

    Place, orientation, wavelength and phase are those of the neuron's best Gabor patch.

    Args:
        gabors: From `best_gabor`, of the same neurons; found first if left out.
        radii: Pixels, ascending; 12 up to half the images' width if left out.
        contrast: As of `orientation_tuning`.
    """
    height, width, _ = neurons.image_shape
    if radii is None:
        radii = np.geomspace(1, width * _LARGEST_RADIUS, _N_RADII)
    radii = _ascending("radii", radii, above=0, most=np.inf)
    (contrast,) = _ascending("contrast", contrast, above=0, most=1)
    gabors = _gabors_of(neurons, gabors)
    waves = _waves(neurons, gabors)
    size = (height, width)
    windows = (stimuli.discs(size, gabors.places, radius) for radius in radii)
    rates = [neurons.own_rates(of_contrast(neurons, contrast * waves * each)) for each in windows]
    rates = np.stack(rates, axis=1)
    highest = np.maximum(rates.max(1), np.finfo(np.float32).tiny)
    return SizeTuning(
        **of_neurons(neurons, contrast=float(contrast), amplitude=neurons.amplitude),
        radii=radii,
        rates=rates,
        preferred=radii[rates.argmax(1)],
        suppression=(highest - rates[:, -1]) / highest,
    )


@experiment()
def contrast_tuning(
    neurons: Neurons,
    *,
    gabors: BestGabors | None = None,
    contrasts: ArrayLike = _CONTRASTS,
) -> ContrastTuning:
    """Measures the rates to each neuron's best Gabor patch at some contrasts.

    Args:
        gabors: From `best_gabor`.
        contrasts: 0 to 1, ascending, two or more.
    """
    contrasts = _ascending("contrasts", contrasts, above=-1e-9, most=1, least=2)
    gabors = _gabors_of(neurons, gabors)
    windows = stimuli.gaussians(neurons.image_shape[:2], gabors.places, gabors.widths)
    patches = _waves(neurons, gabors) * windows
    rates = [neurons.own_rates(of_contrast(neurons, each * patches)) for each in contrasts]
    rates = np.stack(rates, axis=1)
    return ContrastTuning(
        **of_neurons(neurons, amplitude=neurons.amplitude),
        contrasts=contrasts,
        rates=rates,
        half_contrasts=np.array([_half_way(contrasts, each) for each in rates]),
    )


def _half_way(contrasts: np.ndarray, rates: np.ndarray) -> float:
    half = (rates[0] + rates.max()) / 2
    above = int(np.argmax(rates >= half))
    if above == 0:
        return float(contrasts[0])
    pair = slice(above - 1, above + 1)
    return float(np.interp(half, rates[pair], contrasts[pair]))


def _gabors_of(neurons: Neurons, gabors: BestGabors | None) -> BestGabors:
    if gabors is None:
        return best_gabor(neurons)
    gabors.check_neurons(neurons, "gabors")
    return gabors


def _waves(neurons: Neurons, gabors: BestGabors) -> np.ndarray:
    return stimuli.gratings(
        neurons.image_shape[:2],
        gabors.orientations,
        gabors.wavelengths,
        gabors.phases,
        places=gabors.places,
    )


def _ascending(
    name: str, values: ArrayLike, *, above: float, most: float, least: int = 1
) -> np.ndarray:
    found = np.atleast_1d(np.asarray(values, np.float64))
    fits = found.ndim == 1 and len(found) >= least and (np.diff(found) > 0).all()
    if not (fits and (found > above).all() and (found <= most).all() and np.isfinite(found).all()):
        raise SensoriumError(
            f"{name}: expected {least} or more numbers in ascending order, above {max(above, 0):g}"
            + (f", at most {most:g}" if np.isfinite(most) else "")
        )
    return found
