"""The competition's files: submissions, ground truth, scores."""

from sensorium_tf.competition.files import (
    SUBMISSION_FILES,
    ground_truth_file,
    write_ground_truth,
    write_submission,
)
from sensorium_tf.competition.scoring import compare, score, score_summary
from sensorium_tf.competition.submit import ground_truth, submit

__all__ = [
    "SUBMISSION_FILES",
    "compare",
    "ground_truth",
    "ground_truth_file",
    "score",
    "score_summary",
    "submit",
    "write_ground_truth",
    "write_submission",
]
