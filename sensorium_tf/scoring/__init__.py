"""Submission and ground-truth files, and their scores: NumPy and the standard library alone."""

from sensorium_tf.scoring.files import (
    ground_truth_file,
    write_ground_truth,
    write_submission,
)
from sensorium_tf.scoring.label import read_label, write_label
from sensorium_tf.scoring.scores import score, score_neurons

__all__ = [
    "ground_truth_file",
    "read_label",
    "score",
    "score_neurons",
    "write_ground_truth",
    "write_label",
    "write_submission",
]
