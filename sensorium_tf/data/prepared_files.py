"""Reading the prepared trials of a mouse, block by block."""

import contextlib
import struct
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from sensorium_tf.datasets.shared.builder import RecordingBuilder
from sensorium_tf.errors import AccessError, SensoriumError, is_access_error, one_line

_BLOCK = 32


def read_blocks(
    builder: RecordingBuilder, tier: str, *, mouse: str, images: bool = True
) -> Iterator[dict[str, np.ndarray]]:
    """Yields the prepared trials of a tier in blocks, in order, a feature to its values.

    Movies, which are of different lengths, come one by one, without an axis of trials.

    Args:
        builder: Of the prepared dataset.
        tier: Which trials.
        mouse: Name of the mouse, for messages.
        images: Whether images, or movies, are decoded; else what is under their name is of no use.

    Raises:
        SensoriumError: If the files are damaged or cannot be read.
    """
    recorded = builder.description.spec
    block = None if recorded.has_time else _BLOCK
    decoders = None if images else {recorded.stimulus.name: tfds.decode.SkipDecoding()}
    with guarded(builder, tier, mouse=mouse):
        if builder.info.file_format is tfds.core.FileFormat.ARRAY_RECORD:
            source = builder.as_data_source(split=tier, decoders=decoders)
            if block is None:
                yield from (source[row] for row in range(len(source)))
                return
            for start in range(0, len(source), block):
                rows = source.__getitems__(range(start, min(start + block, len(source))))
                yield {key: np.stack([row[key] for row in rows]) for key in rows[0]}
        else:
            yield from builder.as_dataset(
                split=tier,
                batch_size=block,
                decoders=decoders,
                read_config=tfds.ReadConfig(try_autocache=False),
            ).as_numpy_iterator()


@contextlib.contextmanager
def guarded(builder: RecordingBuilder, tier: str, *, mouse: str) -> Iterator[None]:
    """Raises SensoriumError for what goes wrong where prepared trials are read.

    Args:
        builder: Of the prepared dataset.
        tier: Which trials.
        mouse: Name of the mouse, for messages.
    """
    try:
        yield
    except (tf.errors.OpError, OSError, ValueError, IndexError, struct.error) as e:
        if is_refused(e):
            raise AccessError(
                f"{mouse}: the prepared {tier} trials in {builder.data_path} cannot be read: "
                f"{one_line(e)[:200]}"
            ) from e
        raise SensoriumError(
            f"{mouse}: the prepared {tier} trials in {builder.data_path} cannot be read "
            f"({one_line(e)}): delete that folder and prepare it again"
        ) from e


def read_extremes(
    builder: RecordingBuilder, tier: str, signals: Sequence[str], *, mouse: str
) -> dict[str, dict[str, np.ndarray]]:
    """Returns the smallest and the largest value of each column of some signals.

    Args:
        builder: Of the prepared dataset.
        tier: Over which trials.
        signals: Names of context signals.
        mouse: Name of the mouse, for messages.

    Returns:
        Signal to its `min` and `max`, `(columns,)` each, in recorded units.

    Raises:
        SensoriumError: If the files are damaged.
    """
    blocks = [
        {name: block[name] for name in signals}
        for block in read_blocks(builder, tier, mouse=mouse, images=False)
    ]
    values = {name: np.concatenate([block[name] for block in blocks]) for name in signals}
    return {name: {"min": each.min(0), "max": each.max(0)} for name, each in values.items()}


def is_refused(error: Exception) -> bool:
    """Tells whether the system refuses to read prepared files, which may be intact."""
    # TensorFlow's own words for permissions and for too many open files.
    refused = (tf.errors.PermissionDeniedError, tf.errors.ResourceExhaustedError)
    missing = isinstance(error, FileNotFoundError)
    return isinstance(error, refused) or (is_access_error(error) and not missing)
