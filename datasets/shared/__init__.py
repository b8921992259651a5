"""What the TFDS datasets of recordings have in common."""
