"""TFDS builders, importable as `sensorium_tf.datasets`."""
