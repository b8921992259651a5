"""Where the neurons' receptive fields are, as the responses to many images tell."""

import math
from typing import NamedTuple

import numpy as np
from keras import ops

from sensorium_tf.models.ops.gabor import pairs

# A filter is tried at every such share of its wavelength, a pixel at least.
_SPACING = 0.25
# Share of neurons whose fields may be anywhere, whatever the smooth map says.
_ANYWHERE = 0.05
# How often a smooth map is fitted, each time with less weight on neurons far from it, and what
# holds its terms back where there are few neurons.
_N_FITS, _RIDGE = 20, 0.5
# Median distance of points on a plane that scatter with a standard deviation of 1; and the smallest
# one of a smooth map, in pixels.
_MEDIAN_OF_SPREAD, _LEAST_SPREAD = 1.177, 0.5
_SMALL = 1e-9


class FieldMap(NamedTuple):
    """The Gabor filter whose answers go best with each neuron's responses, all `(neurons,)`.

    Attributes:
        x: Its place to the right, in pixels.
        y: Its place downwards, in pixels.
        direction: In which its wave runs, counterclockwise from the right.
        phase: Of the wave that responses go with.
        wavelength: In pixels.
        fit: Share of the variance that it explains; 0 of a neuron that never changes.
    """

    x: np.ndarray
    y: np.ndarray
    direction: np.ndarray
    phase: np.ndarray
    wavelength: np.ndarray
    fit: np.ndarray


class SmoothMap(NamedTuple):
    """Where fields are expected of neurons that lie in their places of cortex.

    Attributes:
        places: `(neurons, 2)` as (x, y), in pixels.
        spread: Standard deviation of the fields around them, in pixels.
    """

    places: np.ndarray
    spread: float


def map_fields(
    images: np.ndarray,
    goals: np.ndarray,
    wavelengths: tuple[int, ...],
    *,
    n_directions: int = 12,
    expected: SmoothMap | None = None,
) -> FieldMap:
    """Finds each neuron's Gabor filter among those of all places, directions and wavelengths.

    At every place the goals are correlated with an even and an odd filter, which simple cells go
    with, and with the root of their energy, which complex cells go with: what either explains of
    the variance decides. It is the spike-triggered average and covariance, looked for in one place
    and frequency at a time (Schwartz et al. 2006, J. Vis. 6:484).

    Args:
        images: `(trials, height, width)`.
        goals: `(trials, neurons)`, responses or their roots.
        wavelengths: Which to try, in pixels.
        n_directions: How many to try, of half a circle.
        expected: Where fields are looked for: places are as likely as they are near to these, a
            few neurons' excepted.
    """
    n_trials, n_neurons = goals.shape
    goals = ops.transpose(_standardized(ops.convert_to_tensor(goals)))
    neurons, best = np.arange(n_neurons), np.full(n_neurons, -np.inf, np.float32)
    found = FieldMap(*np.zeros((len(FieldMap._fields), n_neurons), np.float32))
    for wavelength in wavelengths:
        filters = pairs((wavelength,), 2 * n_directions)
        reach, stride = len(filters) // 2, max(1, int(_SPACING * wavelength))
        framed = np.pad(images, ((0, 0), (reach, reach), (reach, reach)), "reflect")[..., None]
        framed = ops.convert_to_tensor(framed)
        x, y = (stride * np.arange(-(-size // stride)) for size in images.shape[:0:-1])
        x, y = (each.ravel() for each in np.meshgrid(x, y))
        # Of a fit to the trials: what the logarithm of a probability is worth.
        prior = 0.0 if expected is None else 2 / n_trials * _log_prior(x, y, expected)
        for index in range(n_directions):
            pair = filters[:, :, None, 2 * index : 2 * index + 2]
            waves = ops.conv(
                framed,
                ops.convert_to_tensor(pair),
                strides=stride,
                padding="valid",
                data_format="channels_last",
            )
            size = ops.sqrt(ops.sum(ops.square(waves), axis=-1) + _SMALL)
            even, odd, energy = (
                ops.convert_to_numpy(ops.matmul(goals, _standardized(each)))
                for each in (waves[..., 0], waves[..., 1], size)
            )
            fit = np.maximum(even**2 + odd**2, energy**2)
            likely = fit + prior
            place = likely.argmax(axis=1)
            better = neurons[likely[neurons, place] > best]
            place = place[better]
            best[better], found.fit[better] = likely[better, place], fit[better, place]
            found.x[better], found.y[better] = x[place], y[place]
            found.direction[better] = math.pi * index / n_directions
            found.phase[better] = np.arctan2(odd[better, place], even[better, place])
            found.wavelength[better] = wavelength
    return found


def smooth_map(coordinates: np.ndarray, fields: FieldMap) -> SmoothMap:
    """Fits a smooth map from cortex to the visual field, which few wrong fields do not change.

    Places are quadratic functions of those in cortex. Neurons count as their filters fit, and less
    far from the map, each time it is fitted (Holland and Welsch 1977, Commun. Stat. 6:813). That
    the map of mouse visual cortex is smooth, and fields scatter around it: Bonin et al. 2011, J.
    Neurosci. 31:18506.

    Args:
        coordinates: `(neurons, 2)`, normalised places in cortex.
        fields: Of the neurons.
    """
    across, along = coordinates.T
    terms = np.stack([across, along, across**2, across * along, along**2], axis=1)
    places = np.stack([fields.x, fields.y], axis=1).astype(np.float64)
    # Neurons that never change tell nothing, but if there are no others.
    counts = fields.fit + _SMALL
    known = counts >= min(2 * _SMALL, counts.max())
    fitted, weights = np.zeros_like(places), counts
    for _ in range(_N_FITS):
        middle = np.average(places - fitted, axis=0, weights=weights)
        weighted = terms.T * weights
        squares = weighted @ terms + _RIDGE * counts.mean() * np.eye(terms.shape[1])
        fitted = terms @ np.linalg.solve(squares, weighted @ (places - middle))
        away = np.hypot(*(places - middle - fitted).T)
        spread = max(float(np.median(away[known])) / _MEDIAN_OF_SPREAD, _LEAST_SPREAD)
        weights = counts / np.square(1 + np.square(away / spread) / 2)
    return SmoothMap(middle + fitted, spread)


def _log_prior(x: np.ndarray, y: np.ndarray, expected: SmoothMap) -> np.ndarray:
    """Returns the logarithm of how likely fields are at some places, `(neurons, places)`."""
    of_x, of_y = expected.places.T.astype(np.float32)[..., None]
    variance = expected.spread**2
    away = np.square(x.astype(np.float32) - of_x) + np.square(y.astype(np.float32) - of_y)
    anywhere = _ANYWHERE * 2 * math.pi * variance / ((np.ptp(x) + 1) * (np.ptp(y) + 1))
    return np.log(np.exp(away / np.float32(-2 * variance)) + np.float32(anywhere))


def _standardized(values):
    """Returns values of mean 0 and of length 1 over the trials, `(trials, others)`."""
    values = ops.reshape(values, (len(values), -1))
    values = values - ops.mean(values, axis=0)
    return values / (ops.sqrt(ops.sum(ops.square(values), axis=0)) + _SMALL)
