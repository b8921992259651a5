"""Gabor filters."""

import math

import numpy as np

from sensorium_tf.errors import SensoriumError

# Standard deviation of the window, and how far the filter reaches, as shares of the wavelength: a
# bandwidth of about one and a half octaves, as neurons of visual cortex have.
_WIDTH, _REACH = 0.4, 0.7
#: Wavelength in pixels whose filters have a sum of squares of 1.
UNIT = 6.0


def check_wavelengths(wavelengths: tuple[int, ...]) -> None:
    """Raises SensoriumError if there are none, or one is shorter than 2 pixels."""
    if min(wavelengths, default=0) < 2:
        raise SensoriumError(
            f"wavelengths {list(wavelengths)}: expected one of at least 2 pixels or several"
        )


def pairs(wavelengths: tuple[int, ...], n_rotations: int) -> np.ndarray:
    """Returns even and odd Gabor filters: pairs for the directions of half a circle.

    `g(u) cos(2 pi u / l)`, less as much of g as makes its sum zero, and `g(u) sin(2 pi u / l)`
    under a round Gaussian window g. The root of each one's sum of squares is 6 pixels / l, so that
    natural images, whose amplitude grows with the wavelength, excite all wavelengths alike. In the
    other half of the circle the even filters are the same ones, and the odd ones change their sign.
    Sources: Daugman 1985, J. Opt. Soc. Am. A 2:1160; Field 1987, J. Opt. Soc. Am. A 4:2379.

    Args:
        wavelengths: In pixels.
        n_rotations: Directions of the full circle, an even number; the first one is 0, and they go
            counterclockwise.

    Returns:
        `(size, size, n_rotations / 2 * wavelengths * 2)` float32.
    """
    reach = round(_REACH * max(wavelengths))
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    filters = []
    for index in range(n_rotations // 2):
        angle = 2 * math.pi * index / n_rotations
        # Rows count downwards.
        along = columns * math.cos(angle) - rows * math.sin(angle)
        for wavelength in wavelengths:
            window = np.exp(-(rows**2 + columns**2) / (2 * (_WIDTH * wavelength) ** 2))
            phase = 2 * math.pi * along / wavelength
            even = window * np.cos(phase)
            even -= window * even.sum() / window.sum()
            for each in (even, window * np.sin(phase)):
                filters.append(UNIT / wavelength * each / np.sqrt((each**2).sum()))
    return np.stack(filters, axis=-1).astype(np.float32)
