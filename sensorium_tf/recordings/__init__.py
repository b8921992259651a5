"""Recordings of one mouse each, in the published file tree: open, check, read, write, simulate."""

from sensorium_tf.recordings.catalog import (
    ARCHIVE_URL,
    CATALOG,
    PublishedRecording,
    recording_stem,
)
from sensorium_tf.recordings.recording import IMAGE_SHAPE, SIGNALS, TIERS, Recording, Statistics
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.recordings.writer import write_recording

__all__ = [
    "ARCHIVE_URL",
    "CATALOG",
    "IMAGE_SHAPE",
    "SIGNALS",
    "TIERS",
    "PublishedRecording",
    "Recording",
    "Statistics",
    "Truth",
    "recording_stem",
    "write_recording",
]
