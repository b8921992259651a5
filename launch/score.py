"""Scores a submission file against a ground-truth file; prints the scores as JSON.

Beside the three scores are their 95 % intervals over neurons, the number of neurons in FEVE, and
the oracle: what the other repeats of an image predict.

    python launch/score.py --submission=F.csv --ground_truth=F.csv

Trials are aligned by trial id and neurons by unit id: their order in the files is free.
"""

import json
import sys

from absl import flags

from sensorium_tf import cli
from sensorium_tf.challenges import sensorium2022

SUBMISSION = flags.DEFINE_string("submission", None, "Submission file.", required=True)
GROUND_TRUTH = flags.DEFINE_string("ground_truth", None, "Ground-truth file.", required=True)
TRACK = flags.DEFINE_enum(
    "track",
    "sensorium",
    list(sensorium2022.CHALLENGE.tracks),
    "FEVE is null for sensorium_plus: no two repeats of an image have the same behavior.",
)


def main() -> None:
    from sensorium_tf.scoring import score

    scores = score(SUBMISSION.value, GROUND_TRUTH.value, track=TRACK.value)
    print(json.dumps(scores))
    for name, reason in scores.items():
        if name.endswith("_reason") and reason:
            print(f"{name.removesuffix('_reason')} is null: {reason}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
