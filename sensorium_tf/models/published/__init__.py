"""The published PyTorch networks: their checkpoints become our models, and back."""

from sensorium_tf.models.published.convert import load_published, save_published

__all__ = ["load_published", "save_published"]
