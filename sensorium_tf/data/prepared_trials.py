"""Reading prepared trials in any order, each by itself, whatever the file format."""

import bisect
import itertools
import struct
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from tensorflow.python.lib.io.tf_record import tf_record_random_reader

from sensorium_tf.data.prepared_files import guarded
from sensorium_tf.datasets.shared.builder import RecordingBuilder

# Of a record in a tfrecord file: its length and the length's checksum before it, its own behind.
_LENGTH = struct.Struct("<Q")
_BEFORE, _BEHIND = 12, 4


class PreparedTrials:
    """The prepared trials of a tier, none of which is held in memory.

    Args:
        builder: Of the prepared dataset.
        tier: Which trials.
        mouse: Name of the mouse, for messages.

    Raises:
        SensoriumError: If the files are damaged or cannot be read; so does reading a trial.
    """

    def __init__(self, builder: RecordingBuilder, tier: str, *, mouse: str):
        self._features = builder.info.features
        self._guarded = lambda: guarded(builder, tier, mouse=mouse)
        self._source = None
        with self._guarded():
            if builder.info.file_format is tfds.core.FileFormat.ARRAY_RECORD:
                self._source = builder.as_data_source(split=tier)
                return
            split = builder.info.splits[tier]
            self._files = [Path(path) for path in split.filepaths]
            self._starts = [0, *itertools.accumulate(split.shard_lengths)]
            self._offsets = [_offsets(path) for path in self._files]

    def __getitem__(self, row: int) -> dict[str, np.ndarray]:
        """Returns a trial, feature to value.

        Args:
            row: Of the trial among those of the tier, in order of their index.
        """
        with self._guarded():
            if self._source is not None:
                return self._source[int(row)]
            shard = bisect.bisect_right(self._starts, row) - 1
            offset = self._offsets[shard][row - self._starts[shard]]
            # It checks the record's checksum.
            record, _ = tf_record_random_reader(str(self._files[shard])).read(offset)
            return self._features.deserialize_example_np(record)


def _offsets(path: Path) -> list[int]:
    """Returns where in a tfrecord file each record begins."""
    offsets, end, n_bytes = [], 0, path.stat().st_size
    with path.open("rb") as file:
        while end < n_bytes:
            offsets.append(end)
            file.seek(end)
            (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
            end += _BEFORE + length + _BEHIND
    return offsets
