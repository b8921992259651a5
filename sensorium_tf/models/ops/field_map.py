"""Where the neurons' receptive fields are, as the responses to many images tell."""

import math
from typing import NamedTuple

import numpy as np
from keras import ops

from sensorium_tf.models.ops.gabor import pairs

# Directions of half a circle that are tried.
_N_DIRECTIONS = 12
# A filter is tried at every such share of its wavelength, a pixel at least.
_SPACING = 0.25
_SMALL = 1e-9


class FieldMap(NamedTuple):
    """The Gabor filter whose answers go best with each neuron's responses, all `(neurons,)`.

    Attributes:
        x: Its place to the right, in pixels.
        y: Its place downwards, in pixels.
        direction: In which its wave runs, counterclockwise from the right.
        phase: Of the wave that responses go with.
        wavelength: In pixels.
    """

    x: np.ndarray
    y: np.ndarray
    direction: np.ndarray
    phase: np.ndarray
    wavelength: np.ndarray


def map_fields(images: np.ndarray, goals: np.ndarray, wavelengths: tuple[int, ...]) -> FieldMap:
    """Finds each neuron's Gabor filter among those of all places, directions and wavelengths.

    At every place the goals are correlated with an even and an odd filter, which simple cells go
    with, and with the root of their energy, which complex cells go with; the sum of the three
    squares decides. It is the spike-triggered average and covariance, looked for in one place and
    frequency at a time (Schwartz et al. 2006, J. Vis. 6:484).

    Args:
        images: `(trials, height, width)`.
        goals: `(trials, neurons)`, responses or their roots.
        wavelengths: Which to try, in pixels.
    """
    n_neurons = goals.shape[1]
    goals = ops.transpose(_standardized(ops.convert_to_tensor(goals)))
    best = np.full(n_neurons, -1.0, np.float32)
    found = FieldMap(*np.zeros((len(FieldMap._fields), n_neurons), np.float32))
    for wavelength in wavelengths:
        filters = pairs((wavelength,), 2 * _N_DIRECTIONS)
        reach, stride = len(filters) // 2, max(1, int(_SPACING * wavelength))
        framed = np.pad(images, ((0, 0), (reach, reach), (reach, reach)), "reflect")[..., None]
        framed = ops.convert_to_tensor(framed)
        for index in range(_N_DIRECTIONS):
            pair = filters[:, :, None, 2 * index : 2 * index + 2]
            waves = ops.conv(
                framed,
                ops.convert_to_tensor(pair),
                strides=stride,
                padding="valid",
                data_format="channels_last",
            )
            n_columns = waves.shape[2]
            size = ops.sqrt(ops.sum(ops.square(waves), axis=-1) + _SMALL)
            even, odd, energy = (
                ops.convert_to_numpy(ops.matmul(goals, _standardized(each)))
                for each in (waves[..., 0], waves[..., 1], size)
            )
            fit = even**2 + odd**2 + energy**2
            place = fit.argmax(axis=1)
            neurons = np.arange(n_neurons)
            better = neurons[fit[neurons, place] > best]
            place = place[better]
            best[better] = fit[better, place]
            found.x[better], found.y[better] = (
                stride * each for each in (place % n_columns, place // n_columns)
            )
            found.direction[better] = math.pi * index / _N_DIRECTIONS
            found.phase[better] = np.arctan2(odd[better, place], even[better, place])
            found.wavelength[better] = wavelength
    return found


def _standardized(values):
    """Returns values of mean 0 and of length 1 over the trials, `(trials, others)`."""
    values = ops.reshape(values, (len(values), -1))
    values = values - ops.mean(values, axis=0)
    return values / (ops.sqrt(ops.sum(ops.square(values), axis=0)) + _SMALL)
