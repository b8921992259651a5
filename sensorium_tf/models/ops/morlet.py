"""Fixed filters of a scattering transform."""

import math

import numpy as np

# Of the finest filters, in pixels and radians a pixel; each scale is twice as coarse.
_WIDTH, _FREQUENCY = 0.8, 0.75 * math.pi


def gaussian(width: float) -> np.ndarray:
    """Returns a Gaussian window of sum 1.

    Args:
        width: Its standard deviation, in pixels.

    Returns:
        `(size, size)` float32, three standard deviations to each side.
    """
    reach = math.ceil(3 * width)
    across = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * width**2))
    window = np.outer(across, across)
    return (window / window.sum()).astype(np.float32)


def morlet(scale: int, angle: float, n_angles: int) -> np.ndarray:
    """Returns a Morlet wavelet: a wave under a Gaussian window, with a mean of zero.

    `g(u) (exp(i xi . u) - K)` with a window g of standard deviation `0.8 * 2^scale` along the wave
    and `n_angles / 4` times that across it, and a wave of `3 pi / 4 / 2^scale` radians a pixel.
    Source: Bruna and Mallat 2013, arXiv 1203.1513, section 2.1.

    Args:
        scale: 0 for the finest.
        angle: Direction of the wave, in radians from the horizontal.
        n_angles: Of the filter bank, which decides how narrow the wavelet is tuned.

    Returns:
        `(size, size)` complex64, whose window has a sum of 1.
    """
    width, frequency = _WIDTH * 2**scale, _FREQUENCY / 2**scale
    longer = max(1.0, n_angles / 4)
    reach = math.ceil(2.5 * width * longer)
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along = columns * math.cos(angle) + rows * math.sin(angle)
    across = rows * math.cos(angle) - columns * math.sin(angle)
    window = np.exp(-(along**2 + (across / longer) ** 2) / (2 * width**2))
    window /= window.sum()
    wave = window * np.exp(1j * frequency * along)
    return (wave - wave.sum() * window).astype(np.complex64)


def bank(scale: int, n_angles: int) -> np.ndarray:
    """Returns the wavelets of a scale at all angles of the half circle.

    Args:
        scale: 0 for the finest.
        n_angles: Number of angles.

    Returns:
        `(size, size, 2 * n_angles)` float32: the real parts, then the imaginary parts.
    """
    waves = [morlet(scale, math.pi * index / n_angles, n_angles) for index in range(n_angles)]
    stacked = np.stack(waves, axis=-1)
    return np.concatenate([stacked.real, stacked.imag], axis=-1)
