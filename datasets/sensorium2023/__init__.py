"""The TFDS dataset `sensorium2023`."""

from sensorium_tf.datasets.sensorium2023.sensorium2023_dataset_builder import Builder

__all__ = ["Builder"]
