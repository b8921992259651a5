"""Kernels that are turned, so that a layer finds the same thing at every orientation."""

import math

import numpy as np
from keras import ops


def rotations(kernel: int, n_rotations: int) -> np.ndarray:
    """Returns how square kernels are turned, as one matrix for each angle.

    A pixel of a turned kernel is interpolated bilinearly at the place that it comes from; what lies
    outside the circle that fits into the kernel is zero, at every angle alike. Turns by a multiple
    of 90 degrees are exact.

    Args:
        kernel: Height and width of the kernels, in pixels.
        n_rotations: Number of angles, which divide the full circle; the first one is 0.

    Returns:
        `(n_rotations, kernel * kernel, kernel * kernel)` float32: turned kernels, their pixels in
        rows, are these times the kernels. Angles go counterclockwise, as `numpy.rot90` turns.
    """
    middle = (kernel - 1) / 2
    rows, columns = (each.ravel() - middle for each in np.indices((kernel, kernel), float))
    inside = np.hypot(rows, columns) <= middle + 0.5
    matrices = np.zeros((n_rotations, kernel**2, kernel**2), np.float32)
    for index in range(n_rotations):
        angle = 2 * math.pi * index / n_rotations
        cosine, sine = math.cos(angle), math.sin(angle)
        # Rows count downwards.
        from_rows = cosine * rows + sine * columns + middle
        from_columns = -sine * rows + cosine * columns + middle
        for pixel in np.flatnonzero(inside):
            # Rounded, so that right angles meet the pixels.
            place = np.round([from_rows[pixel], from_columns[pixel]], 6)
            weights = [np.maximum(0, 1 - np.abs(np.arange(kernel) - each)) for each in place]
            matrices[index, pixel] = np.outer(*weights).ravel() * inside
    return matrices


def turned(kernels, matrices: np.ndarray):
    """Returns kernels at all angles.

    Args:
        kernels: `(height, width, inputs, outputs)`.
        matrices: From `rotations`.

    Returns:
        `(height, width, inputs, rotations, outputs)`.
    """
    height, width, inputs, outputs = kernels.shape
    n_rotations = len(matrices)
    flat = ops.reshape(kernels, (height * width, inputs * outputs))
    every = ops.matmul(ops.convert_to_tensor(matrices, dtype=flat.dtype), flat)
    every = ops.reshape(every, (n_rotations, height, width, inputs, outputs))
    return ops.transpose(every, (1, 2, 3, 0, 4))


def circulant(kernel):
    """Returns the weights between all orientations, which their difference alone decides.

    Args:
        kernel: `(rotations, inputs, outputs)`, by how much further the input is turned.

    Returns:
        `(1, 1, rotations * inputs, rotations * outputs)`, the kernel of a 1x1 convolution.
    """
    n_rotations, inputs, outputs = kernel.shape
    turns = np.arange(n_rotations)
    each = ops.take(kernel, (turns[:, None] - turns[None]) % n_rotations, axis=0)
    each = ops.transpose(each, (0, 2, 1, 3))
    return ops.reshape(each, (1, 1, n_rotations * inputs, n_rotations * outputs))
