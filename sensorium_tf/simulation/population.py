"""A population of V1 neurons: where they lie, what they respond to, how strongly."""

import dataclasses

import numpy as np

# The field of view of the published recordings: some 800 micrometres wide, in layer 2/3.
_FIELD_OF_VIEW = 780.0
_DEPTHS = (150.0, 300.0)
_N_PLANES = 10
# Lengths are shares of the screen's width, which is some 120 degrees: the wavelengths are 0.04 to
# 0.06 cycles per degree, as mouse V1 prefers.
_WAVELENGTHS = (0.140625, 0.21875)
_VISUAL_FIELD = (0.1328125, 0.0859375)  # half of what the neurons see, horizontally and vertically
_CENTRE_JITTER = 0.0234375
_RETINOTOPIC_SCATTER = 0.009375
_GAZE = 0.0025  # that a receptive field moves with one camera pixel
_SURROUND = 0.0625
_BRIGHTNESS = 0.7  # share of a Gabor filter's answer to uniform light that neurons keep
_LUMINANCE, _CONTRAST = 105.0, 55.0
_FURTHER_GAIN = 0.4  # standard deviation over neurons of the log gain by a further signal


@dataclasses.dataclass(frozen=True, eq=False)
class Population:
    """Neurons of V1, one entry of each array a neuron.

    Attributes:
        size: `(height, width)` of the image in whose pixels positions, wavelengths and widths are.
        unit_ids: `(neurons,)` int64, ascending.
        coordinates: `(neurons, 3)` position in cortex, micrometres.
        positions: `(neurons, 2)` centre of the receptive field with the eye at rest: column and
            row.
        orientations: Radians, 0 to pi.
        wavelengths: Pixels.
        phases: Radians.
        widths: Standard deviation of the receptive field, pixels.
        complex_cells: Bool; the others are simple cells.
        baselines: Rate without any stimulus, relative to the mean rate with one.
        state_weights: `(neurons, 3)` log gain for a unit of dilation, derivative and running.
        reliabilities: Correlation of the rate with single-trial responses.
        amplitudes: Mean response to a calcium event, in the recording's units.
        colour_weights: `(neurons, channels)`, shares of 1, how much each colour counts.
        further_weights: `(neurons, signals)` log gain for each further signal of the state.
    """

    size: tuple[int, int]
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
    colour_weights: np.ndarray
    further_weights: np.ndarray

    def tuning(self) -> dict[str, np.ndarray]:
        """Returns what the neurons respond to, as `recordings.Truth.neurons` names it."""
        return {
            "kind": np.where(self.complex_cells, "complex", "simple"),
            "place": self.positions,
            "orientation": self.orientations,
            "wavelength": self.wavelengths,
            "phase": self.phases,
            "size": self.widths,
        }


def sample_population(
    n_neurons: int,
    rng: np.random.Generator,
    *,
    size: tuple[int, int],
    n_channels: int = 1,
    n_further: int = 0,
) -> Population:
    """Draws a population.

    Args:
        n_neurons: Number of neurons.
        rng: Source of randomness.
        size: `(height, width)` of the images at the size that models see.
        n_channels: Colours of the images.
        n_further: Signals of the state beside behavior and pupil center.

    Returns:
        The population, in ascending order of unit id.
    """
    wavelengths = size[1] * rng.uniform(*_WAVELENGTHS, n_neurons)
    plane = rng.integers(_N_PLANES, size=n_neurons) / (_N_PLANES - 1)
    depth = _DEPTHS[0] + (_DEPTHS[1] - _DEPTHS[0]) * plane
    surface = _FIELD_OF_VIEW * (rng.random((n_neurons, 2)) - 0.5) + rng.uniform(-60, 60, 2)
    coordinates = np.column_stack([surface, depth + rng.uniform(-2, 2, n_neurons)])
    return Population(
        size=size,
        unit_ids=np.sort(rng.choice(np.arange(1, 2 * n_neurons + 1), n_neurons, replace=False)),
        coordinates=coordinates,
        positions=_retinotopy(coordinates[:, :2], size, rng),
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
        colour_weights=rng.dirichlet(np.ones(n_channels), n_neurons),
        further_weights=_FURTHER_GAIN * rng.standard_normal((n_neurons, n_further)),
    )


def _retinotopy(surface: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Maps cortex `(neurons, 2)` to the visual field: turned, slightly bent, slightly scattered."""
    x, y = (surface / (_FIELD_OF_VIEW / 2)).T
    angle = rng.uniform(-0.35, 0.35)
    azimuth = x * np.cos(angle) - y * np.sin(angle) + 0.12 * (x**2 + y**2 - 0.67)
    elevation = x * np.sin(angle) + y * np.cos(angle) + 0.12 * x * y
    height, width = size
    center = np.array([(width - 1) / 2, (height - 1) / 2])
    center += width * rng.uniform(-_CENTRE_JITTER, _CENTRE_JITTER, 2)
    across, down = (width * half for half in _VISUAL_FIELD)
    positions = center + np.column_stack([across * azimuth, -down * elevation])
    return positions + width * _RETINOTOPIC_SCATTER * rng.standard_normal(positions.shape)


class ReceptiveFields:
    """What the neurons of a population respond to in an image.

    A simple cell answers with its half-rectified Gabor filter, a complex cell with the energy of a
    pair of filters in quadrature (Adelson and Bergen, 1985); both are divided by the contrast
    around (Heeger, 1992).

    Args:
        population: The neurons.
        images: `(images, height, width, channels)` of the population's size, by which each neuron's
            sensitivity has set itself.
    """

    def __init__(self, population: Population, images: np.ndarray):
        height, width = population.size
        self._filters = np.concatenate(gabor_pairs(population))
        self._colours = np.tile(population.colour_weights.T.astype(np.float32), 2)
        self._complex = population.complex_cells
        column, row = np.rint(population.positions).astype(int).T
        self._pixels = np.clip(row, 0, height - 1) * width + np.clip(column, 0, width - 1)
        self._blurs = tuple(_gaussian_matrix(each, width * _SURROUND) for each in (height, width))
        self._pixels_per_gaze = width * _GAZE
        seen = normalised(images)
        power = np.zeros(len(self._filters), np.float64)
        for start in range(0, len(seen), 512):
            power += np.sum(self._filtered(seen[start : start + 512]) ** 2, axis=0)
        self._filters /= np.sqrt(power / len(seen))[:, None].astype(np.float32)

    def drive(self, images: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        """Returns how strongly the images drive each neuron.

        Args:
            images: `(trials, height, width, channels)`, luminance 0 to 255.
            gaze: `(trials, 2)`, distance of the pupil from rest in camera pixels.

        Returns:
            `(trials, neurons)` float32, not negative, of the order of 1.
        """
        seen, shifts = normalised(images), self._pixels_per_gaze * gaze
        seen = np.stack([_shifted(each, shifts) for each in np.moveaxis(seen, -1, 0)], axis=-1)
        even, odd = np.split(self._filtered(seen), 2, axis=1)
        energy = np.where(self._complex, (even**2 + odd**2) / 2, np.maximum(even, 0) ** 2)
        grey = seen.mean(axis=-1)
        contrast = self._blur(grey**2) - self._blur(grey) ** 2
        pooled = contrast.reshape(len(seen), -1)[:, self._pixels]
        return np.sqrt(energy / (0.7 + 0.3 * pooled))

    def _filtered(self, images: np.ndarray) -> np.ndarray:
        """Returns what each filter, even ones first, answers to `(images, ..., channels)`."""
        channels = np.moveaxis(images, -1, 0).reshape(images.shape[-1], len(images), -1)
        answers = [
            weights * (channel @ self._filters.T)
            for channel, weights in zip(channels, self._colours, strict=True)
        ]
        return np.sum(answers, axis=0)

    def _blur(self, images: np.ndarray) -> np.ndarray:
        rows, columns = self._blurs
        return rows @ images @ columns.T


def normalised(images: np.ndarray) -> np.ndarray:
    """Returns grey values, 0 to 255, as contrast around the mean luminance, float32."""
    return (images.astype(np.float32) - np.float32(_LUMINANCE)) / np.float32(_CONTRAST)


def gabor_pairs(population: Population) -> tuple[np.ndarray, np.ndarray]:
    """Returns Gabor filters and their quadrature partners, each `(neurons, pixels)`.

    Args:
        population: The neurons, in pixels of the images that are filtered.
    """
    height, width = population.size
    column, row = (p[:, None, None] for p in population.positions.T.astype(np.float32))
    dx = np.arange(width, dtype=np.float32)[None, None] - column
    dy = np.arange(height, dtype=np.float32)[None, :, None] - row

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


def _gaussian_matrix(size: int, spread: float) -> np.ndarray:
    offsets = np.subtract.outer(np.arange(size), np.arange(size))
    weights = np.exp(-0.5 * (offsets / spread) ** 2)
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
