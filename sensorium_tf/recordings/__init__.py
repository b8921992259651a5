"""Recordings of one mouse each, in the published file tree: open, check, read, write."""

from sensorium_tf.recordings.movie_trial import MovieTrial
from sensorium_tf.recordings.movie_truth import MovieTruth, write_movie_truth
from sensorium_tf.recordings.movie_writer import write_movie_recording
from sensorium_tf.recordings.movies import MovieRecording
from sensorium_tf.recordings.opened import OpenRecording
from sensorium_tf.recordings.opening import open_recording
from sensorium_tf.recordings.recording import Recording
from sensorium_tf.recordings.statistics import Statistics
from sensorium_tf.recordings.surveying import Survey
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.recordings.writer import write_recording

__all__ = [
    "MovieRecording",
    "MovieTrial",
    "MovieTruth",
    "OpenRecording",
    "Recording",
    "Statistics",
    "Survey",
    "Truth",
    "open_recording",
    "write_movie_recording",
    "write_movie_truth",
    "write_recording",
]
