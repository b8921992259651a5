"""The images of a recording that is prepared: read ahead, and judged on the way."""

import collections
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sensorium_tf.datasets.sensorium.trials import blocks_of

from sensorium_tf.recordings import Recording
from sensorium_tf.recordings.plausibility import ImageSummary, check_images
from sensorium_tf.specs import IMAGE

_BLOCKS_AHEAD = 2


class Images:
    """The images of a recording in blocks, each read while the one before it is written.

    Args:
        recording: That is prepared.
        n_trials: That will be read in all; then the images are judged as a whole.
    """

    def __init__(self, recording: Recording, *, n_trials: int):
        self._recording, self._left = recording, n_trials
        self._summary, self._lock = ImageSummary(), threading.Lock()

    def blocks(self, trials: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields some trials, in their order, and their images."""
        blocks = blocks_of(trials)
        with ThreadPoolExecutor(_BLOCKS_AHEAD) as pool:
            ahead = collections.deque(
                pool.submit(self._read, each) for each in blocks[:_BLOCKS_AHEAD]
            )
            for number, block in enumerate(blocks):
                images = ahead.popleft().result()
                self._left -= len(block)
                if not self._left:
                    check_images(self._recording, self._summary)
                for following in blocks[number + _BLOCKS_AHEAD :][:1]:
                    ahead.append(pool.submit(self._read, following))
                yield block, images

    def _read(self, block: np.ndarray) -> np.ndarray:
        images, summary = read_images(self._recording, block)
        with self._lock:
            self._summary += summary
        return images


def read_images(recording: Recording, block: np.ndarray) -> tuple[np.ndarray, ImageSummary]:
    """Reads the images of some trials, and looks at them.

    Returns:
        `(trials, height, width, channels)` float32, and their summary.

    Raises:
        SensoriumError: If one cannot be read, or holds values that no image has.
    """
    images = recording.read(IMAGE, block).astype(np.float32)
    return images, ImageSummary.of(recording, block, images)
