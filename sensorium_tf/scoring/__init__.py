"""Submission and ground-truth files, and their scores: without TensorFlow.

Those of static images need NumPy and the standard library alone, those of movies pyarrow, too.
"""

from sensorium_tf.scoring.files import (
    ground_truth_file,
    write_ground_truth,
    write_submission,
)
from sensorium_tf.scoring.formats import check_submission
from sensorium_tf.scoring.label import read_label, write_label
from sensorium_tf.scoring.movie_alignment import check_movie_submission
from sensorium_tf.scoring.movie_files import (
    MovieRow,
    write_movie_ground_truth,
    write_movie_submission,
    zip_submission,
)
from sensorium_tf.scoring.scores import score, score_neurons

__all__ = [
    "MovieRow",
    "check_movie_submission",
    "check_submission",
    "ground_truth_file",
    "read_label",
    "score",
    "score_neurons",
    "write_ground_truth",
    "write_label",
    "write_movie_ground_truth",
    "write_movie_submission",
    "write_submission",
    "zip_submission",
]
