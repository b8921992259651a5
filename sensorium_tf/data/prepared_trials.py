"""The prepared trials of a mouse, read in order from whatever format they are in."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from sensorium_tf.errors import AccessError, SensoriumError, is_access_error, one_line


def read_prepared(
    builder: tfds.core.DatasetBuilder, mouse: str, tier: str, *, block: int | None = None
) -> Iterator[dict[str, np.ndarray]]:
    """Yields the prepared trials of a tier, in order.

    Args:
        builder: Of the dataset, which is prepared.
        mouse: Name of the mouse, for messages.
        tier: One that it has.
        block: How many trials to give at once, stacked; None for one by one.

    Raises:
        SensoriumError: If the prepared files are damaged or cannot be read.
    """
    try:
        yield from _read(builder, tier, block)
    except (tf.errors.OpError, OSError, ValueError) as e:
        if is_refused(e):
            raise AccessError(
                f"{mouse}: the prepared {tier} trials in {builder.data_path} cannot be read: "
                f"{one_line(e)[:200]}"
            ) from e
        raise SensoriumError(
            f"{mouse}: the prepared {tier} trials in {builder.data_path} cannot be read "
            f"({one_line(e)}): delete that folder and prepare it again"
        ) from e


def _read(
    builder: tfds.core.DatasetBuilder, tier: str, block: int | None
) -> Iterator[dict[str, np.ndarray]]:
    if builder.info.file_format is not tfds.core.FileFormat.ARRAY_RECORD:
        yield from builder.as_dataset(
            split=tier, batch_size=block, read_config=tfds.ReadConfig(try_autocache=False)
        ).as_numpy_iterator()
        return
    source = builder.as_data_source(split=tier)
    if block is None:
        yield from (source[row] for row in range(len(source)))
        return
    for start in range(0, len(source), block):
        rows = source.__getitems__(range(start, min(start + block, len(source))))
        yield {key: np.stack([row[key] for row in rows]) for key in rows[0]}


def is_refused(error: Exception) -> bool:
    """Tells whether the system refuses to read prepared files, which may be intact."""
    # TensorFlow's own words for permissions and for too many open files.
    refused = (tf.errors.PermissionDeniedError, tf.errors.ResourceExhaustedError)
    missing = isinstance(error, FileNotFoundError)
    return isinstance(error, refused) or (is_access_error(error) and not missing)
