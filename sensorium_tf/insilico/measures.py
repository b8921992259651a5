"""Measures of tuning: vector sums over angles, and peaks over lengths or frequencies."""

import numpy as np

_TINY = np.finfo(np.float64).tiny


def angle_measures(
    rates: np.ndarray, angles: np.ndarray, *, harmonic: int, n_permutations: int, seed: int
) -> dict[str, np.ndarray]:
    """Returns `curves`, `preferred`, `selectivity` and `p_values`, as of `OrientationTuning`.

    They are of the condition with each neuron's highest mean over samples.

    Args:
        rates: `(neurons, angles, conditions, samples)`.
        angles: `(angles,)` radians.
        harmonic: As of `vector_sums`.
        n_permutations: For the p-values.
        seed: Of the permutations.
    """
    best = rates.mean(3).max(1).argmax(1)
    samples = rates[np.arange(len(rates)), :, best].astype(np.float64)
    curves = samples.mean(2)
    preferred, selectivity = vector_sums(curves, angles, harmonic=harmonic)
    wave = np.exp(1j * harmonic * angles)
    labels = np.repeat(wave, samples.shape[2])
    random = np.random.default_rng(seed)
    permuted = np.stack([random.permutation(labels) for _ in range(n_permutations)], axis=1)
    chance = np.abs(samples.reshape(len(rates), -1) @ permuted) / samples.shape[2]
    least = np.abs(curves @ wave) - 1e-9 * np.maximum(curves.sum(1), _TINY)
    return {
        "curves": curves,
        "preferred": preferred,
        "selectivity": selectivity,
        "p_values": (1 + (chance >= least[:, None]).sum(1)) / (1 + n_permutations),
    }


def vector_sums(
    curves: np.ndarray, angles: np.ndarray, *, harmonic: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns which angle each curve prefers, and how much so: by `sum r exp(i h theta)`.

    Args:
        curves: `(neurons, angles)`, rates.
        angles: `(angles,)` radians.
        harmonic: h: 1 for directions, 2 for orientations, of which half a turn makes none.

    Returns:
        The sum's angle over h, `(neurons,)` from 0 to `2 pi / h`, and its length over that of `sum
        r`, `(neurons,)`.
    """
    sums = curves @ np.exp(1j * harmonic * angles)
    return (
        np.angle(sums) / harmonic % (2 * np.pi / harmonic),
        np.abs(sums) / np.maximum(curves.sum(1), _TINY),
    )


def peak_measures(
    rates: np.ndarray, positions: np.ndarray, phases: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns `curves`, `preferred` and `modulation`, as of `SpatialFrequencyTuning`.

    Args:
        rates: `(neurons, conditions, positions, samples)`.
        positions: `(positions,)`, such as wavelengths, ascending.
        phases: `(positions, samples)` radians, of the wave at each sample: evenly spaced over whole
            cycles.
    """
    rates = rates.astype(np.float64)
    each = np.arange(len(rates))
    best = rates[each, rates.mean(3).max(2).argmax(1)]
    curves = best.mean(2)
    top = curves.argmax(1)
    fundamental = np.abs((best[each, top] * np.exp(1j * phases[top])).mean(1))
    return {
        "curves": curves,
        "preferred": np.exp(_summit(np.log(positions), curves, top)),
        "modulation": 2 * fundamental / np.maximum(curves[each, top], _TINY),
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
