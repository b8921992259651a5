"""Recordings of one mouse each, in the published file tree: open, check, read, simulate."""

from sensorium_tf.recordings.catalog import (
    ARCHIVE_URL,
    CATALOG,
    PublishedRecording,
    recording_stem,
)
from sensorium_tf.recordings.recording import IMAGE_SHAPE, SIGNALS, TIERS, Recording, Statistics

__all__ = [
    "ARCHIVE_URL",
    "CATALOG",
    "IMAGE_SHAPE",
    "SIGNALS",
    "TIERS",
    "PublishedRecording",
    "Recording",
    "Statistics",
    "recording_stem",
]
