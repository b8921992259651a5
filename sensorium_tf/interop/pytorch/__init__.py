"""The published PyTorch networks: their checkpoints become our models, and back."""

from sensorium_tf.interop.pytorch.convert import load_published, save_published

__all__ = ["load_published", "save_published"]
