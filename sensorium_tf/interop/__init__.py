"""Models of other frameworks, and recordings in other formats."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, {"nwb": "nwb", "pytorch": "pytorch"})
