"""The TFDS dataset `sensorium`."""

from sensorium_tf.datasets.sensorium.sensorium_dataset_builder import Builder

__all__ = ["Builder"]
