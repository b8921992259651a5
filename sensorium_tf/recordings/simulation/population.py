"""A population of V1 neurons: where they lie, what they respond to, how strongly."""

import dataclasses

import numpy as np

_HEIGHT, _WIDTH = 36, 64
# The field of view of the published recordings: some 800 micrometres wide, in layer 2/3.
_FIELD_OF_VIEW = 780.0
_DEPTHS = (150.0, 300.0)
_N_PLANES = 10
# The screen is some 120 degrees wide, a pixel at model scale nearly 2 degrees: wavelengths of 9 to
# 14 pixels are 0.04 to 0.06 cycles per degree, as mouse V1 prefers.
_WAVELENGTHS = (9.0, 14.0)
_RETINOTOPIC_SCATTER = 0.6  # pixels
_PIXELS_PER_GAZE = 0.16  # image pixels that a receptive field moves with one camera pixel
_SURROUND = 4.0  # pixels
_BRIGHTNESS = 0.7  # share of a Gabor filter's answer to uniform light that neurons keep
_LUMINANCE, _CONTRAST = 105.0, 55.0


@dataclasses.dataclass(frozen=True, eq=False)
class Population:
    """Neurons of V1, one entry of each array a neuron.

    Attributes:
      unit_ids: `(neurons,)` int64, ascending.
      coordinates: `(neurons, 3)` position in cortex, micrometres.
      positions: `(neurons, 2)` centre of the receptive field with the eye at rest: column and row
        in the 36 x 64 image.
      orientations: radians, 0 to pi.
      wavelengths: pixels of the 36 x 64 image.
      phases: radians.
      widths: standard deviation of the receptive field, pixels.
      complex_cells: bool; the others are simple cells.
      baselines: rate without any stimulus, relative to the mean rate with one.
      state_weights: `(neurons, 3)` log gain for a unit of dilation, derivative and running.
      reliabilities: correlation of the rate with single-trial responses.
      amplitudes: mean response to a calcium event, in the recording's units.
    """

    unit_ids: np.ndarray
    coordinates: np.ndarray
    positions: np.ndarray
    orientations: np.ndarray
    wavelengths: np.ndarray
    phases: np.ndarray
    widths: np.ndarray
    complex_cells: np.ndarray
    baselines: np.ndarray
    state_weights: np.ndarray
    reliabilities: np.ndarray
    amplitudes: np.ndarray


def sample_population(n_neurons: int, rng: np.random.Generator) -> Population:
    """Draws a population.

    Args:
      n_neurons: number of neurons.
      rng: source of randomness.

    Returns:
      The population, in ascending order of unit id.
    """
    wavelengths = rng.uniform(*_WAVELENGTHS, n_neurons)
    plane = rng.integers(_N_PLANES, size=n_neurons) / (_N_PLANES - 1)
    depth = _DEPTHS[0] + (_DEPTHS[1] - _DEPTHS[0]) * plane
    surface = _FIELD_OF_VIEW * (rng.random((n_neurons, 2)) - 0.5) + rng.uniform(-60, 60, 2)
    coordinates = np.column_stack([surface, depth + rng.uniform(-2, 2, n_neurons)])
    return Population(
        unit_ids=np.sort(rng.choice(np.arange(1, 2 * n_neurons + 1), n_neurons, replace=False)),
        coordinates=coordinates,
        positions=_retinotopy(coordinates[:, :2], rng),
        orientations=rng.uniform(0, np.pi, n_neurons),
        wavelengths=wavelengths,
        phases=rng.uniform(0, 2 * np.pi, n_neurons),
        widths=wavelengths * rng.uniform(0.25, 0.33, n_neurons),
        complex_cells=rng.random(n_neurons) < 0.5,
        baselines=rng.gamma(2.0, 0.05, n_neurons),
        state_weights=np.array([0.12, 0.04, 0.15])
        + np.array([0.08, 0.04, 0.08]) * rng.standard_normal((n_neurons, 3)),
        reliabilities=rng.beta(10.0, 10.0, n_neurons),
        amplitudes=np.exp(1.0 + 0.5 * rng.standard_normal(n_neurons)),
    )


def _retinotopy(surface: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Maps cortex `(neurons, 2)` to the visual field: turned, slightly bent, slightly scattered."""
    x, y = (surface / (_FIELD_OF_VIEW / 2)).T
    angle = rng.uniform(-0.35, 0.35)
    azimuth = x * np.cos(angle) - y * np.sin(angle) + 0.12 * (x**2 + y**2 - 0.67)
    elevation = x * np.sin(angle) + y * np.cos(angle) + 0.12 * x * y
    center = np.array([(_WIDTH - 1) / 2, (_HEIGHT - 1) / 2]) + rng.uniform(-1.5, 1.5, 2)
    positions = center + np.column_stack([8.5 * azimuth, -5.5 * elevation])
    return positions + _RETINOTOPIC_SCATTER * rng.standard_normal(positions.shape)


class ReceptiveFields:
    """What the neurons of a population respond to in an image.

    A simple cell answers with its half-rectified Gabor filter, a complex cell with the energy of a
    pair of filters in quadrature (Adelson and Bergen, 1985); both are divided by the contrast
    around (Heeger, 1992).

    Args:
      population: the neurons.
      images: `(images, 36, 64)`, by which each neuron's sensitivity has set itself.
    """

    def __init__(self, population: Population, images: np.ndarray):
        self._filters = np.concatenate(_gabor_pairs(population))
        self._complex = population.complex_cells
        column, row = np.rint(population.positions).astype(int).T
        self._pixels = np.clip(row, 0, _HEIGHT - 1) * _WIDTH + np.clip(column, 0, _WIDTH - 1)
        self._blurs = tuple(_gaussian_matrix(size) for size in (_HEIGHT, _WIDTH))
        flat = _normalised(images).reshape(len(images), -1)
        power = np.zeros(len(self._filters), np.float64)
        for start in range(0, len(flat), 512):
            power += np.sum((flat[start : start + 512] @ self._filters.T) ** 2, axis=0)
        self._filters /= np.sqrt(power / len(flat))[:, None].astype(np.float32)

    def drive(self, images: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        """Returns how strongly the images drive each neuron.

        Args:
          images: `(trials, 36, 64)`, luminance 0 to 255.
          gaze: `(trials, 2)`, distance of the pupil from rest in camera pixels.

        Returns:
          `(trials, neurons)` float32, not negative, of the order of 1.
        """
        seen = _shifted(_normalised(images), _PIXELS_PER_GAZE * gaze)
        even, odd = np.split(seen.reshape(len(seen), -1) @ self._filters.T, 2, axis=1)
        energy = np.where(self._complex, (even**2 + odd**2) / 2, np.maximum(even, 0) ** 2)
        contrast = self._blur(seen**2) - self._blur(seen) ** 2
        pooled = contrast.reshape(len(seen), -1)[:, self._pixels]
        return np.sqrt(energy / (0.7 + 0.3 * pooled))

    def _blur(self, images: np.ndarray) -> np.ndarray:
        rows, columns = self._blurs
        return rows @ images @ columns.T


def _normalised(images: np.ndarray) -> np.ndarray:
    return (images.astype(np.float32) - np.float32(_LUMINANCE)) / np.float32(_CONTRAST)


def _gabor_pairs(population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Returns Gabor filters and their quadrature partners, each `(neurons, 36 * 64)`."""
    column, row = (p[:, None, None] for p in population.positions.T.astype(np.float32))
    dx = np.arange(_WIDTH, dtype=np.float32)[None, None] - column
    dy = np.arange(_HEIGHT, dtype=np.float32)[None, :, None] - row

    def per_neuron(values: np.ndarray) -> np.ndarray:
        return values.astype(np.float32)[:, None, None]

    envelope = np.exp(-(dx**2 + dy**2) / (2 * per_neuron(population.widths) ** 2))
    phase = per_neuron(np.cos(population.orientations)) * dx
    phase = phase + per_neuron(np.sin(population.orientations)) * dy
    phase *= per_neuron(2 * np.pi / population.wavelengths)
    phase += per_neuron(population.phases)

    def unit_filter(carrier: np.ndarray) -> np.ndarray:
        gabor = (envelope * carrier).reshape(len(carrier), -1)
        weight = envelope.reshape(len(carrier), -1)
        # V1 answers to contrast, and also a little to brightness.
        brightness = gabor.sum(1) / weight.sum(1)
        gabor -= (1 - _BRIGHTNESS) * weight * brightness[:, None]
        return gabor / np.linalg.norm(gabor, axis=1, keepdims=True)

    return unit_filter(np.cos(phase)), unit_filter(np.sin(phase))


def _gaussian_matrix(size: int) -> np.ndarray:
    offsets = np.subtract.outer(np.arange(size), np.arange(size))
    weights = np.exp(-0.5 * (offsets / _SURROUND) ** 2)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def _shifted(images: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Returns each image `(trials, height, width)` as seen `shifts` columns and rows further on."""

    def interpolation(size: int, shift: np.ndarray) -> np.ndarray:
        places = np.arange(size, dtype=np.float32)
        wanted = np.clip(places + shift[:, None], 0, size - 1)
        return np.maximum(0, 1 - np.abs(wanted[..., None] - places)).astype(np.float32)

    columns = interpolation(images.shape[2], shifts[:, 0])
    rows = interpolation(images.shape[1], shifts[:, 1])
    return rows @ images @ columns.transpose(0, 2, 1)
