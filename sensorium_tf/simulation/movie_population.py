"""A population of V1 that responds to motion: filters in space and time, adaptation, behavior."""

import dataclasses
import math

import numpy as np

from sensorium_tf.simulation.population import (
    Population,
    gabor_pairs,
    normalised,
    sample_population,
)

_TAPS_SECONDS = 0.5
_FREQUENCIES = (1.5, 4.0)  # cycles a second
_ADAPTATION_SECONDS = 1.0
_EVENTS = (2.0, 0.25)  # a frame: shape and scale of a gamma distribution
_EVENT_SHAPE = 2.0  # of the gamma distribution of their sizes


@dataclasses.dataclass(frozen=True, eq=False)
class MoviePopulation:
    """Neurons that see movies, one entry of each array a neuron.

    Attributes:
        static: What they have in common with those that see images: places, orientations, gains.
        directions: Radians, of the motion that each prefers: across its orientation.
        selectivities: 0 to 1, how much less it answers to the opposite direction.
        frequencies: Cycles a second, of the motion that it prefers.
        adaptations: How strongly its own activity lowers its gain.
        events: Mean number of calcium events a frame.
    """

    static: Population
    directions: np.ndarray
    selectivities: np.ndarray
    frequencies: np.ndarray
    adaptations: np.ndarray
    events: np.ndarray

    def tuning(self) -> dict[str, np.ndarray]:
        """Returns what the neurons respond to, as `recordings.MovieTruth.neurons` names it."""
        return {
            **self.static.tuning(),
            "direction": self.directions,
            "selectivity": self.selectivities,
            "frequency": self.frequencies,
        }


def sample_movie_population(
    n_neurons: int, rng: np.random.Generator, *, size: tuple[int, int]
) -> MoviePopulation:
    """Draws a population.

    Args:
        n_neurons: Number of neurons.
        rng: Source of randomness.
        size: `(height, width)` of the frames.
    """
    static = sample_population(n_neurons, rng, size=size)
    backwards = rng.random(n_neurons) < 0.5
    return MoviePopulation(
        static=static,
        directions=np.mod(static.orientations + np.pi * backwards, 2 * np.pi),
        selectivities=rng.beta(1.5, 1.5, n_neurons),
        frequencies=rng.uniform(*_FREQUENCIES, n_neurons),
        adaptations=rng.gamma(2.0, 0.2, n_neurons),
        events=rng.gamma(*_EVENTS, n_neurons),
    )


class MovieFields:
    """What the neurons of a population respond to in a movie.

    A pair of spatial filters in quadrature, each followed by a fast and a slow filter in time, adds
    up to filters that are oriented in space and time (Adelson and Bergen, 1985); a simple cell
    answers with one of them, half-rectified, a complex cell with the energy of both. Contrast and a
    neuron's own recent activity divide its answer.

    Args:
        population: The neurons.
        movies: `(frames, height, width)` each, by which each neuron's sensitivity has set itself.
        frame_rate: Frames a second.
    """

    def __init__(self, population: MoviePopulation, movies: list[np.ndarray], *, frame_rate: float):
        self._population = population
        self._keep = np.float32(math.exp(-1 / (_ADAPTATION_SECONDS * frame_rate)))
        self._filters = np.concatenate(gabor_pairs(population.static))
        n_taps = max(2, round(_TAPS_SECONDS * frame_rate))
        self._fast, self._slow = _temporal_filters(population.frequencies, n_taps, frame_rate)
        # Filters of a wave that runs along the orientation's angle, or against it.
        backwards = np.cos(population.directions - population.static.orientations) < 0
        self._turn = np.where(backwards, 1, -1) * population.selectivities
        self._turn = self._turn.astype(np.float32)
        self._mean = np.ones(len(self._turn), np.float32)
        self._mean = np.concatenate([self._driven(each) for each in movies]).mean(axis=0)

    def rates(self, movie: np.ndarray, log_gain: np.ndarray) -> np.ndarray:
        """Returns the expected response of each neuron at each frame.

        Args:
            movie: `(frames, height, width)`, grey values 0 to 255.
            log_gain: `(frames, neurons)`, by what the animal does.

        Returns:
            `(frames, neurons)` float32, in units of mean events.
        """
        population = self._population
        drive = self._driven(movie) / self._mean
        drive += population.static.baselines.astype(np.float32)
        strength, recent = population.adaptations.astype(np.float32), 1.0
        for frame in drive:
            frame /= 1 + strength * recent
            recent = self._keep * recent + (1 - self._keep) * frame
        return drive * np.exp(log_gain) * population.events.astype(np.float32)

    def sample(self, rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draws responses: calcium events, Poisson in number and gamma in size."""
        counts = rng.poisson(rates)
        return (rng.standard_gamma(_EVENT_SHAPE * counts) / _EVENT_SHAPE).astype(np.float32)

    def _driven(self, movie: np.ndarray) -> np.ndarray:
        """Returns how strongly a movie drives each neuron, `(frames, neurons)` float32."""
        seen = normalised(movie).reshape(len(movie), -1)
        contrast = seen.var(axis=1, keepdims=True)
        even, odd = np.split(seen @ self._filters.T, 2, axis=1)
        slow_even, fast_even = (_in_time(even, taps) for taps in (self._slow, self._fast))
        slow_odd, fast_odd = (_in_time(odd, taps) for taps in (self._slow, self._fast))
        first = slow_even + self._turn * fast_odd
        second = slow_odd - self._turn * fast_even
        energy = np.where(
            self._population.static.complex_cells,
            (first**2 + second**2) / 2,
            np.maximum(first, 0) ** 2,
        )
        return np.sqrt(energy / (0.7 + 0.3 * contrast)).astype(np.float32)


def _temporal_filters(
    frequencies: np.ndarray, n_taps: int, frame_rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a fast and a slow filter of each neuron, `(taps, neurons)`, a quarter cycle apart."""
    time = (np.arange(n_taps) / frame_rate)[:, None]
    envelope = time * np.exp(-time * 3 * frequencies)
    angle = 2 * np.pi * frequencies * time
    filters = []
    for carrier in (np.sin(angle), np.cos(angle)):
        taps = envelope * carrier
        filters.append((taps / np.linalg.norm(taps, axis=0)).astype(np.float32))
    return filters[0], filters[1]


def _in_time(values: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """Filters `(frames, neurons)` causally; the first frame was there all the time before."""
    lead = np.repeat(values[:1], len(taps) - 1, axis=0)
    padded = np.concatenate([lead, values])
    found = np.zeros_like(values)
    for lag, tap in enumerate(taps):
        start = len(lead) - lag
        found += tap * padded[start : start + len(values)]
    return found
