"""The TFDS dataset `sensorium`."""

from sensorium_tf.datasets.sensorium.sensorium_dataset_builder import Builder
from sensorium_tf.datasets.shared.builder import RecordingConfig

__all__ = ["Builder", "RecordingConfig"]
