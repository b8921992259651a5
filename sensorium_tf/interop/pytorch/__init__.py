"""The published PyTorch networks: their checkpoints become our models, and back."""

from sensorium_tf.interop.pytorch.convert import load_published, save_published
from sensorium_tf.interop.pytorch.presets import CHECKPOINTS, Checkpoint, from_preset

__all__ = ["CHECKPOINTS", "Checkpoint", "from_preset", "load_published", "save_published"]
