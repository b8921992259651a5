"""Synthetic images, many at once: gratings, also drifting ones, Gabor patches and windows.

All have values of -1 to 1 around grey, or 0 to 1 for windows. Orientations are those of the wave,
in radians: 0 for vertical bars; they grow clockwise on the screen, whose rows go down. Lengths are
pixels of the model's images; places are a column and a row.
"""

import numpy as np
from numpy.typing import ArrayLike


def gratings(
    size: tuple[int, int],
    orientations: ArrayLike,
    wavelengths: ArrayLike,
    phases: ArrayLike,
    *,
    places: ArrayLike | None = None,
) -> np.ndarray:
    """Returns cosine gratings.

    Args:
        size: `(height, width)`.
        orientations: Radians; like the next three, `(images,)` or one for all.
        wavelengths: Pixels.
        phases: Radians, at the place.
        places: `(images, 2)` or `(2,)`; the image's centre if left out.

    Returns:
        `(images, height, width)` float32.
    """
    dx, dy = _offsets(size, places)
    orientations, wavelengths, phases = (
        np.asarray(each, np.float64).reshape(-1, 1, 1)
        for each in (orientations, wavelengths, phases)
    )
    along = np.cos(orientations) * dx + np.sin(orientations) * dy
    return np.cos(2 * np.pi / wavelengths * along + phases).astype(np.float32)


def drifting_gratings(
    size: tuple[int, int],
    directions: ArrayLike,
    wavelengths: ArrayLike,
    frequencies: ArrayLike,
    *,
    n_frames: int,
    frame_rate: float,
) -> np.ndarray:
    """Returns movies of cosine gratings that move across their bars.

    Args:
        size: `(height, width)`.
        directions: Radians, of the motion: 0 to the right, growing clockwise on the screen; like
            the next two, `(movies,)`.
        wavelengths: Pixels.
        frequencies: Cycles a second at any one pixel.
        n_frames: Of each movie.
        frame_rate: Frames a second.

    Returns:
        `(movies, n_frames, height, width)` float32.
    """
    time = np.arange(n_frames) / frame_rate
    phases = -2 * np.pi * np.multiply.outer(np.asarray(frequencies, np.float64), time)
    each = [np.repeat(values, n_frames) for values in (directions, wavelengths)]
    return gratings(size, *each, phases.ravel()).reshape(*phases.shape, *size)


def gaussians(size: tuple[int, int], places: ArrayLike, widths: ArrayLike) -> np.ndarray:
    """Returns round Gaussian windows `(images, height, width)` float32, 1 at their centres.

    Args:
        size: `(height, width)`.
        places: `(images, 2)` or `(2,)`.
        widths: Standard deviations, `(images,)` or one for all.
    """
    dx, dy = _offsets(size, places)
    widths = np.asarray(widths, np.float64).reshape(-1, 1, 1)
    return np.exp(-(dx**2 + dy**2) / (2 * widths**2)).astype(np.float32)


def discs(size: tuple[int, int], places: ArrayLike, radii: ArrayLike) -> np.ndarray:
    """Returns round windows `(images, height, width)` float32 whose edge is a pixel wide.

    Args:
        size: `(height, width)`.
        places: `(images, 2)` or `(2,)`.
        radii: `(images,)` or one for all.
    """
    dx, dy = _offsets(size, places)
    radii = np.asarray(radii, np.float64).reshape(-1, 1, 1)
    return np.clip(radii + 0.5 - np.hypot(dx, dy), 0, 1).astype(np.float32)


def grid(**values: ArrayLike) -> dict[str, np.ndarray]:
    """Returns all combinations of some parameters, the last one changing fastest.

    Args:
        **values: Name of each parameter to its values.
    """
    meshed = np.meshgrid(*values.values(), indexing="ij")
    return {name: mesh.ravel() for name, mesh in zip(values, meshed, strict=True)}


def _offsets(size: tuple[int, int], places: ArrayLike | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns how far each pixel lies to the right of and below each place."""
    height, width = size
    if places is None:
        places = ((width - 1) / 2, (height - 1) / 2)
    column, row = np.asarray(places, np.float64).reshape(-1, 2).T[:, :, None, None]
    return np.arange(width)[None, None] - column, np.arange(height)[None, :, None] - row
