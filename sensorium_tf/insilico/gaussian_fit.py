"""Two-dimensional Gaussians fitted to many maps at once."""

from typing import NamedTuple

import numpy as np

_STEPS = 60
_SMALLEST_WIDTH = 0.5  # pixels


class GaussianFit(NamedTuple):
    """Gaussians, one a map.

    Attributes:
        places: `(maps, 2)`, column and row of the centre.
        covariances: `(maps, 2, 2)`, squared pixels, in the order column, row.
        explained: `(maps,)`, share of a map's variance that its Gaussian explains; 0 for a map that
            is the same everywhere.
    """

    places: np.ndarray
    covariances: np.ndarray
    explained: np.ndarray


def fit_gaussians(maps: np.ndarray) -> GaussianFit:
    """Fits a Gaussian on a constant to each map, by least squares (Levenberg and Marquardt).

    Args:
        maps: `(maps, height, width)`, such as energies of receptive fields.
    """
    height, width = maps.shape[1:]
    row, column = (axis.ravel().astype(np.float64) for axis in np.mgrid[:height, :width])
    values = maps.reshape(len(maps), -1).astype(np.float64)
    scale = np.abs(values).max(1)
    values = values / np.where(scale > 0, scale, 1)[:, None]
    parameters = _start(values, column, row)
    modelled, jacobian = _gaussian(parameters, column, row)
    error = _squares(values - modelled)
    damping = np.full(len(maps), 1e-2)
    for _ in range(_STEPS):
        normal = jacobian.transpose(0, 2, 1) @ jacobian
        diagonal = np.einsum("nii->ni", normal)
        slope = np.einsum("npk,np->nk", jacobian, values - modelled)
        damped = normal + (damping[:, None] * diagonal + 1e-9)[:, :, None] * np.eye(7)
        tried = parameters + np.linalg.solve(damped, slope[..., None])[..., 0]
        tried_model, tried_jacobian = _gaussian(tried, column, row)
        tried_error = _squares(values - tried_model)
        better = tried_error < error
        parameters = np.where(better[:, None], tried, parameters)
        modelled = np.where(better[:, None], tried_model, modelled)
        jacobian = np.where(better[:, None, None], tried_jacobian, jacobian)
        error = np.where(better, tried_error, error)
        damping = np.clip(np.where(better, damping / 3, damping * 4), 1e-9, 1e9)
    return _as_fit(parameters, error, values)


def _start(values: np.ndarray, column: np.ndarray, row: np.ndarray) -> np.ndarray:
    """Returns first parameters: the mean place and width of what is above half of the largest."""
    floor = np.median(values, axis=1)
    height = values.max(1) - floor
    weights = np.clip(values - (floor + height / 2)[:, None], 0, None) + 1e-12
    weights /= weights.sum(1, keepdims=True)
    x, y = weights @ column, weights @ row
    squares = weights @ (column**2 + row**2) - x**2 - y**2
    inverse = 1 / np.sqrt(np.maximum(squares, 4 * _SMALLEST_WIDTH**2))
    return np.stack([height, x, y, inverse, np.zeros_like(x), inverse, floor], axis=1)


def _gaussian(
    parameters: np.ndarray, column: np.ndarray, row: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns values `(maps, pixels)` and their derivatives `(maps, pixels, 7)`.

    The inverse covariance is L L^T, so that it cannot become negative.
    """
    height, x, y, l11, l21, l22, floor = (each[:, None] for each in parameters.T)
    dx, dy = column - x, row - y
    u, v = l11 * dx + l21 * dy, l22 * dy
    bump = np.exp(-(u**2 + v**2) / 2)
    tall = height * bump
    derivatives = [
        bump,
        tall * u * l11,
        tall * (u * l21 + v * l22),
        -tall * u * dx,
        -tall * u * dy,
        -tall * v * dy,
        np.ones_like(bump),
    ]
    return tall + floor, np.stack(derivatives, axis=-1)


def _as_fit(parameters: np.ndarray, error: np.ndarray, values: np.ndarray) -> GaussianFit:
    l11, l21, l22 = parameters[:, 3:6].T
    lower = np.zeros((len(parameters), 2, 2))
    lower[:, 0, 0], lower[:, 1, 0], lower[:, 1, 1] = l11, l21, l22
    # Far from any bump the curvature may vanish.
    precision = lower @ lower.transpose(0, 2, 1) + 1e-8 * np.eye(2)
    total = _squares(values - values.mean(1, keepdims=True))
    explained = np.where(total > 0, 1 - error / np.where(total > 0, total, 1), 0)
    return GaussianFit(parameters[:, 1:3], np.linalg.inv(precision), explained)


def _squares(values: np.ndarray) -> np.ndarray:
    return np.einsum("np,np->n", values, values)
