"""What a run shows in TensorBoard."""

import os
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf

from sensorium_tf.errors import SensoriumError, one_line


class ScalarLog:
    """Writes scalars, one point an epoch.

    Args:
      folder: of the logs.
    """

    def __init__(self, folder: str | os.PathLike):
        self._folder = folder
        if Path(folder).exists() and not Path(folder).is_dir():
            raise SensoriumError(f"{folder}: is a file, expected a folder for the logs")
        self._writer = tf.summary.create_file_writer(os.fspath(folder))

    def __enter__(self) -> "ScalarLog":
        return self

    def __exit__(self, *_) -> None:
        self._writer.close()

    def write(self, epoch: int, scalars: Mapping[str, float]) -> None:
        """Adds a point to each curve.

        Args:
          epoch: 0 for the untrained weights.
          scalars: tag to value.

        Raises:
          SensoriumError: if the logs cannot be written.
        """
        try:
            with self._writer.as_default(step=epoch):
                for tag, value in scalars.items():
                    tf.summary.scalar(tag, value)
            self._writer.flush()
        except tf.errors.OpError as e:
            raise SensoriumError(f"{self._folder}: cannot be written ({one_line(e)})") from e
