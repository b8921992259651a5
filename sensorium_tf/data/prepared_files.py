"""Prepared trials, read block by block."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from sensorium_tf.errors import AccessError, SensoriumError, is_access_error, one_line

_BLOCK = 32


def read_blocks(
    builder: tfds.core.DatasetBuilder, tier: str, *, mouse: str
) -> Iterator[dict[str, np.ndarray]]:
    """Yields the prepared trials of a tier in blocks, in order.

    Args:
        builder: Of the dataset, which has been prepared.
        tier: One that it has.
        mouse: Its name, for messages.

    Raises:
        SensoriumError: If the files are damaged or cannot be read.
    """
    try:
        if builder.info.file_format is tfds.core.FileFormat.ARRAY_RECORD:
            source = builder.as_data_source(split=tier)
            for start in range(0, len(source), _BLOCK):
                rows = source.__getitems__(range(start, min(start + _BLOCK, len(source))))
                yield {key: np.stack([row[key] for row in rows]) for key in rows[0]}
        else:
            yield from builder.as_dataset(
                split=tier, batch_size=_BLOCK, read_config=tfds.ReadConfig(try_autocache=False)
            ).as_numpy_iterator()
    except (tf.errors.OpError, OSError, ValueError) as e:
        what = f"{mouse}: the prepared {tier} trials in {builder.data_path} cannot be read"
        if is_refused(e):
            raise AccessError(f"{what}: {one_line(e)[:200]}") from e
        raise SensoriumError(
            f"{what} ({one_line(e)}): delete that folder and prepare it again"
        ) from e


def is_refused(error: Exception) -> bool:
    """Tells whether the system refuses to read prepared files, which may be intact."""
    # TensorFlow's own words for permissions and for too many open files.
    refused = (tf.errors.PermissionDeniedError, tf.errors.ResourceExhaustedError)
    missing = isinstance(error, FileNotFoundError)
    return isinstance(error, refused) or (is_access_error(error) and not missing)
