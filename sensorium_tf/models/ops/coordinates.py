"""Where neurons lie in cortex."""

import numpy as np
from keras import ops


def normalize_coordinates(cell_motor_coordinates):
    """Centres cortex coordinates and scales them into [-1, 1].

    Args:
        cell_motor_coordinates: `(neurons, 2 or more)` array in micrometres.

    Returns:
        `(neurons, 2)` float32 array, `(xy - mean) / max|xy - mean|`; zeros where all neurons
        lie in one place.
    """
    centred = np.asarray(cell_motor_coordinates, dtype="float64")[:, :2]
    centred = centred - centred.mean(axis=0)
    extent = np.abs(centred).max()
    return (centred / extent if extent > 0 else centred).astype("float32")


def same_places(coordinates, others):
    """Tells whether normalised cortex coordinates are those of the same neurons.

    Args:
        coordinates: `(neurons, 2)`, from `normalize_coordinates`.
        others: `(neurons, 2)`, likewise.
    """
    coordinates, others = map(ops.convert_to_numpy, (coordinates, others))
    # The same neurons differ by rounding alone.
    return coordinates.shape == others.shape and bool(np.abs(coordinates - others).max() < 1e-4)
