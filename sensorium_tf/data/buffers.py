"""Memory for batches that is used again, because touching new memory takes longer than filling it.

A batch of 8,000 neurons and 128 trials has 9 MB. The operating system hands new memory out page by
page at the first touch, which costs two to three times what the copy itself does.
"""

import math
import sys
import threading
from collections.abc import Sequence

import numpy as np

# TensorFlow copies arrays that start elsewhere, in bytes.
_ALIGNMENT = 64
# Batches in flight: prefetched ones, those being made, the one in use.
_KEPT = 8
# Of all sizes together.
_KEPT_BYTES = 1 << 29
# Smaller ones come fast enough from NumPy.
_SMALLEST_BYTES = 1 << 18


class Buffers:
    """Hands out float32 arrays; memory that nobody refers to any more is handed out again."""

    def __init__(self):
        self._blocks: dict[int, list[np.ndarray]] = {}
        self._kept_bytes = 0
        self._lock = threading.Lock()

    def empty(self, shape: tuple[int, ...]) -> np.ndarray:
        """Returns an uninitialised array that TensorFlow can take over without a copy."""
        n_bytes = 4 * math.prod(shape)
        block = self._block(n_bytes + _ALIGNMENT)
        start = -block.ctypes.data % _ALIGNMENT
        return block[start : start + n_bytes].view(np.float32).reshape(shape)

    def _block(self, n_bytes: int) -> np.ndarray:
        if n_bytes < _SMALLEST_BYTES:
            return np.empty(n_bytes, np.uint8)
        with self._lock:
            blocks = self._blocks.setdefault(n_bytes, [])
            for index in range(len(blocks)):
                # The list and the call itself refer to it; an array in use would be a third.
                if sys.getrefcount(blocks[index]) == 2:
                    return blocks[index]
            block = np.empty(n_bytes, np.uint8)
            if len(blocks) < _KEPT and self._kept_bytes + n_bytes <= _KEPT_BYTES:
                blocks.append(block)
                self._kept_bytes += n_bytes
            return block


_BUFFERS = Buffers()


def select(array: np.ndarray, index: slice | np.ndarray) -> np.ndarray:
    """Returns `array[index]` of a float32 array, in memory from here if it has to be copied."""
    # The usual kind of index. NumPy would check it itself only together with a copy of its own.
    plain = (
        isinstance(index, np.ndarray)
        and index.dtype.kind in "iu"
        and index.size
        and index.ndim == 1
    )
    if not plain or not 0 <= index.min() <= index.max() < len(array):
        return array[index]
    rows = _BUFFERS.empty((len(index), *array.shape[1:]))
    return np.take(array, index, 0, rows, mode="clip")


def stack(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Returns float32 arrays of the same shape as one, in memory from here."""
    stacked = _BUFFERS.empty((len(arrays), *arrays[0].shape))
    return np.stack(arrays, out=stacked)


def stack_channels(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Puts channels behind each other.

    Args:
        parts: In order: images `(trials, height, width, channels)`, at least one, and channels that
            are constant over an image, `(trials, channels)`, all float32.

    Returns:
        `(trials, height, width, channels)` float32; what was given, if that is one part only.
    """
    if len(parts) == 1:
        return parts[0]
    n_trials, height, width, _ = next(part for part in parts if part.ndim == 4).shape
    sizes = [part.shape[-1] for part in parts]
    ends = np.cumsum(sizes).tolist()
    places = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
    stacked = _BUFFERS.empty((n_trials, height, width, ends[-1]))
    pixel = np.zeros((n_trials, ends[-1]), np.float32)
    for part, place in zip(parts, places, strict=True):
        if part.ndim == 2:
            pixel[:, place] = part
    # A whole row of pixels is copied at once, several times as fast as channel by channel.
    rows = stacked.reshape(n_trials, height, width * ends[-1])
    rows[...] = np.tile(pixel, (1, width))[:, None]
    for part, place in zip(parts, places, strict=True):
        if part.ndim == 4:
            stacked[..., place] = part
    return stacked
