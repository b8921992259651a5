"""Recordings of one mouse each, in the published file tree: open, check, read, write."""

from sensorium_tf.recordings.recording import Recording
from sensorium_tf.recordings.statistics import Statistics
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.recordings.writer import write_recording

__all__ = ["Recording", "Statistics", "Truth", "write_recording"]
