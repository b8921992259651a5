"""Models of other frameworks."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, {"pytorch": "pytorch"})
