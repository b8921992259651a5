"""What moves rates and is not recorded: a slow gain, shared fluctuations, adaptation."""

import dataclasses

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.simulation.behavior import smooth_noise

_GAIN_TRIALS = 60.0
_FLUCTUATION_TRIALS, _N_FLUCTUATIONS = 1.5, 3
_ADAPTATION_TRIALS = 3.0
# Neurons follow what they share by different amounts, at times in the other direction.
_LOADING_MEAN, _LOADING_STD = 1.0, 0.6


@dataclasses.dataclass(frozen=True, kw_only=True)
class HiddenState:
    """How strongly each of them moves rates; 0 is not at all.

    Attributes:
        slow_gain: Standard deviation of the log gain, over time, of a neuron of loading 1.
        adaptation: Part of a neuron's activity before, relative to its mean, that is added to 1 to
            divide its rate.
        shared_fluctuations: Standard deviation of the log rate from trial to trial.

    Raises:
        SensoriumError: If one is negative or not finite.
    """

    slow_gain: float = 0.0
    adaptation: float = 0.0
    shared_fluctuations: float = 0.0

    def __post_init__(self):
        for name, value in dataclasses.asdict(self).items():
            if not 0 <= value < np.inf:
                raise SensoriumError(f"simulated mouse: {name} {value}: expected 0 or more")

    def log_gain(
        self, n_trials: int, n_neurons: int, rng: np.random.Generator
    ) -> np.ndarray | None:
        """Draws what a slow gain and shared fluctuations add to the log rates.

        Args:
            n_trials: In order of time.
            n_neurons: How many.
            rng: Source of randomness.

        Returns:
            `(trials, neurons)` float32; None if there is neither.
        """
        if not (self.slow_gain or self.shared_fluctuations):
            return None
        loadings = rng.normal(_LOADING_MEAN, _LOADING_STD, n_neurons)
        slow = smooth_noise(n_trials, _GAIN_TRIALS, rng)
        quick = np.stack(
            [smooth_noise(n_trials, _FLUCTUATION_TRIALS, rng) for _ in range(_N_FLUCTUATIONS)], 1
        )
        shares = rng.standard_normal((_N_FLUCTUATIONS, n_neurons)) / np.sqrt(_N_FLUCTUATIONS)
        found = self.slow_gain * slow[:, None] * loadings
        return (found + self.shared_fluctuations * (quick @ shares)).astype(np.float32)

    def adapt(self, rates: np.ndarray) -> None:
        """Lowers rates by the neurons' activity before, in place.

        Each rate is divided by `1 + adaptation * a`, where a is the mean over earlier trials of
        the neuron's rate, relative to its mean rate, with weights that fall by the factor e in
        three trials.

        Args:
            rates: `(trials, neurons)` float32, in order of time.
        """
        if not self.adaptation:
            return
        relative = 1 / rates.mean(0, dtype=np.float64).astype(np.float32)
        kept = np.float32(np.exp(-1 / _ADAPTATION_TRIALS))
        activity = np.ones_like(rates[0])
        # Trial by trial, because what was lowered counts for the next ones.
        for rate in rates:
            rate /= 1 + np.float32(self.adaptation) * activity
            activity *= kept
            activity += (1 - kept) * rate * relative
