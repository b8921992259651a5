"""The published PyTorch networks: their checkpoints become our models, and back."""

from sensorium_tf.models.published.convert import (
    default_key,
    default_name,
    load_published,
    save_published,
)

__all__ = ["default_key", "default_name", "load_published", "save_published"]
