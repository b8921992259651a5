"""The Gabor patch that excites each neuron most."""

import dataclasses

import numpy as np
import tensorflow as tf

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico import stimuli
from sensorium_tf.insilico.ascent import Projection, check_steps, progress
from sensorium_tf.insilico.exciting import ExcitingImages, shown_images
from sensorium_tf.insilico.experiment import experiment
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.results import of_neurons
from sensorium_tf.insilico.saved import axes
from sensorium_tf.insilico.tracing import INDEX_SPEC, batches, traced

_PLACE_STEP = 4.0
_N_ORIENTATIONS, _N_PHASES = 6, 4
_WAVELENGTHS = (1 / 10, 1 / 7, 1 / 5, 1 / 3.5)  # shares of the images' width
_WIDTH = 0.4  # of the envelope, in wavelengths
_SHORTEST, _NARROWEST = 2.5, 0.7  # wavelength and width, pixels
_PARAMETERS = ("column", "row", "orientation", "wavelength", "phase", "width")
_PARAMETERS_SPEC = tf.TensorSpec((None, len(_PARAMETERS)), tf.float32)
_GRID_AT_ONCE = 4096
# First steps of the refinement, in pixels, radians and logarithms.
_STEP_SIZES = np.array([0.3, 0.3, 0.05, 0.03, 0.15, 0.03], np.float32)
_DECAYS = (0.9, 0.99)  # of Adam's means


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class BestGabors(ExcitingImages):
    """The Gabor patch that excites each neuron most.

    Attributes:
        grid_rates: `(neurons,)`, rates to the best patch of the grid, from which the refinement
            began.
        places: `(neurons, 2)`, column and row of the patch's centre.
        orientations: `(neurons,)` radians, 0 to pi, of the wave.
        wavelengths: `(neurons,)` pixels.
        phases: `(neurons,)` radians at the centre.
        widths: `(neurons,)`, standard deviation of the envelope, pixels.
    """

    grid_rates: np.ndarray = axes("neurons")
    places: np.ndarray = axes("neurons 2", is_length=True)
    orientations: np.ndarray = axes("neurons")
    wavelengths: np.ndarray = axes("neurons", is_length=True)
    phases: np.ndarray = axes("neurons")
    widths: np.ndarray = axes("neurons", is_length=True)


@experiment()
def best_gabor(
    neurons: Neurons,
    *,
    norm: float | None = None,
    place_step: float = _PLACE_STEP,
    steps: int = 100,
) -> BestGabors:
    """Finds the best of a grid of Gabor patches, then refines its place, wave and width.

    The grid is the same for all neurons: 6 orientations, 4 wavelengths and 4 phases at places
    `place_step` pixels apart. The refinement is gradient ascent on the parameters (Adam), and the
    best patch on its way counts, so that the grid's never is better.

    Args:
        norm: Of the images, as of `most_exciting_image`.
        place_step: Pixels between places of the grid.
        steps: Of the refinement.
    """
    check_steps(steps)
    if not place_step >= 1:
        raise SensoriumError(f"place_step {place_step}: expected pixels, 1 or more")
    projection = Projection(neurons, norm)
    grid = _grid(neurons.image_shape[:2], place_step)
    draw = _drawer(neurons, projection)
    start, grid_rates = _best_of(neurons, draw, grid)
    parameters = _refined(neurons, draw, start, steps)
    images = draw(parameters).numpy()
    values = dict(zip(_PARAMETERS, parameters.T.astype(np.float64), strict=True))
    return BestGabors(
        **of_neurons(neurons, norm=projection.norm, place_step=place_step, steps=steps),
        **shown_images(neurons, images),
        grid_rates=grid_rates,
        places=parameters[:, :2].astype(np.float64),
        # Half a turn of the wave turns its phase round.
        phases=np.where(np.floor(values["orientation"] / np.pi) % 2, -1, 1)
        * values["phase"]
        % (2 * np.pi),
        orientations=values["orientation"] % np.pi,
        wavelengths=np.exp(values["wavelength"]),
        widths=np.exp(values["width"]),
    )


def _grid(size: tuple[int, int], place_step: float) -> np.ndarray:
    """Returns `(patches, 6)` parameters, wavelength and width as logarithms."""

    def places(length: int) -> np.ndarray:
        number = max(1, round(length / place_step))
        return (np.arange(number) + 0.5) * length / number - 0.5

    combined = stimuli.grid(
        column=places(size[1]),
        row=places(size[0]),
        orientation=np.arange(_N_ORIENTATIONS) * np.pi / _N_ORIENTATIONS,
        wavelength=np.log(np.maximum(size[1] * np.array(_WAVELENGTHS), _SHORTEST)),
        phase=np.arange(_N_PHASES) * 2 * np.pi / _N_PHASES,
    )
    combined["width"] = combined["wavelength"] + np.log(_WIDTH)
    return np.stack([combined[name] for name in _PARAMETERS], axis=1).astype(np.float32)


def _drawer(neurons: Neurons, projection: Projection):
    """Returns the function from parameters `(patches, 6)` to images."""
    height, width, n_channels = neurons.image_shape
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)

    def draw(parameters: tf.Tensor) -> tf.Tensor:
        column, row, orientation, wavelength, phase, spread = (
            each[:, None, None] for each in tf.unstack(tf.convert_to_tensor(parameters), axis=1)
        )
        dx, dy = columns[None, None] - column, rows[None, :, None] - row
        along = tf.cos(orientation) * dx + tf.sin(orientation) * dy
        patch = tf.cos(2 * np.pi * along / tf.exp(wavelength) + phase)
        patch *= tf.exp(-(dx**2 + dy**2) / (2 * tf.exp(2 * spread)))
        return projection(tf.tile(patch[..., None], (1, 1, 1, n_channels)))

    return draw


def _best_of(neurons: Neurons, draw, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    best, best_rates = np.zeros(len(neurons), int), np.full(len(neurons), -np.inf)
    for rows in batches(len(grid), _GRID_AT_ONCE):
        rates = neurons.rates(draw(grid[rows]).numpy())
        top = rates.argmax(0)
        top_rates = rates[top, np.arange(len(neurons))]
        better = top_rates > best_rates
        best = np.where(better, rows.start + top, best)
        best_rates = np.where(better, top_rates, best_rates)
    return grid[best], best_rates


def _refined(neurons: Neurons, draw, start: np.ndarray, steps: int) -> np.ndarray:
    """Returns the best parameters `(neurons, 6)` on the way up from some."""
    height, width, _ = neurons.image_shape
    lowest = np.array([0, 0, -np.inf, np.log(_SHORTEST), -np.inf, np.log(_NARROWEST)], np.float32)
    # An envelope of more than half the image would be a grating.
    longest = np.log(width)
    highest = np.array(
        [width - 1, height - 1, np.inf, longest, np.inf, longest - np.log(2)], np.float32
    )

    def rates_and_gradients(parameters, index):
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            rates = neurons.tensor_own_rates(draw(parameters), index)
        return rates, tape.gradient(rates, parameters)

    evaluate = traced(rates_and_gradients, _PARAMETERS_SPEC, INDEX_SPEC)
    refined = start.copy()
    for rows in batches(len(neurons)):
        index = np.arange(rows.start, rows.stop)
        parameters, best_rates = start[rows], np.full(rows.stop - rows.start, -np.inf)
        mean, square = np.zeros_like(parameters), np.zeros_like(parameters)
        # The last round only looks at where the last step led.
        for number in progress(range(steps + 1), "refining Gabor patches"):
            rates, gradients = (each.numpy() for each in evaluate(parameters, index))
            better = rates > best_rates
            refined[rows][better] = parameters[better]
            best_rates = np.where(better, rates, best_rates)
            mean = _DECAYS[0] * mean + (1 - _DECAYS[0]) * gradients
            square = _DECAYS[1] * square + (1 - _DECAYS[1]) * gradients**2
            unbiased = [1 - decay ** (number + 1) for decay in _DECAYS]
            step = mean / unbiased[0] / (np.sqrt(square / unbiased[1]) + 1e-12)
            fading = 1 - number / (steps + 1)
            parameters = np.clip(parameters + fading * _STEP_SIZES * step, lowest, highest)
            parameters = parameters.astype(np.float32)
    return refined
