"""From prepared mice to what a model eats."""

from sensorium_tf.data.batches import Batches, batches, mouse_names
from sensorium_tf.data.mouse import Mouse, load_mouse
from sensorium_tf.data.prepare import FILE_FORMATS, prepare
from sensorium_tf.data.subset import Subset
from sensorium_tf.data.trials import Trials

__all__ = [
    "FILE_FORMATS",
    "Batches",
    "Mouse",
    "Subset",
    "Trials",
    "batches",
    "load_mouse",
    "mouse_names",
    "prepare",
]
