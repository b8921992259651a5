"""Where time is: last in the files of movies, first in our arrays."""

import numpy as np

from sensorium_tf.specs import SignalSpec


def file_frame_shape(signal: SignalSpec) -> tuple[int, ...]:
    """Returns the shape of a frame as files keep it: `(channels, height, width)`, `(columns,)`.

    Args:
        signal: Of a movie, the shape of its frames known.
    """
    frame = signal.frame_shape
    return (frame[-1], *frame[:-1]) if signal.role == "stimulus" else frame


def fits_file(found: tuple[int, ...], signal: SignalSpec) -> bool:
    """Tells whether a file's array is of a signal: its frames, in any number, one after another.

    Args:
        found: Shape of the array; axes of length one may stand before that of time.
        signal: Of a movie, the shape of its frames known.
    """
    expected = [n for n in file_frame_shape(signal) if n != 1]
    return bool(found) and found[-1] > 0 and [n for n in found[:-1] if n != 1] == expected


def time_first(values: np.ndarray, signal: SignalSpec) -> np.ndarray:
    """Returns a file's array as ours.

    Args:
        values: As `fits_file` takes it.
        signal: Of a movie, the shape of its frames known.

    Returns:
        `(time, height, width, channels)` or `(time, columns)`.
    """
    values = values.reshape(*file_frame_shape(signal), values.shape[-1])
    values = np.moveaxis(values, -1, 0)
    return np.moveaxis(values, 1, -1) if signal.role == "stimulus" else values


def time_last(values: np.ndarray, signal: SignalSpec) -> np.ndarray:
    """Returns our array as the published files keep it: `time_first`, undone.

    Args:
        values: `(time, height, width, channels)` or `(time, columns)`.
        signal: What it is of.

    Returns:
        `(height, width, time)`, with the channels first if there are several, or `(columns, time)`.
    """
    if signal.role == "stimulus":
        values = np.moveaxis(values, -1, 1)
        values = values[:, 0] if values.shape[1] == 1 else values
    return np.moveaxis(values, 0, -1)
