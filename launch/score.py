"""Scores a submission file against a ground-truth file; prints the scores as JSON.

Beside the three scores are their 95 % intervals over neurons, the number of neurons in FEVE, and
the oracle: what the other repeats of an image predict. FEVE is null for track sensorium_plus, as no
two repeats of an image have the same behavior. Metrics that --modules register are scored as well.

    python launch/score.py --submission=F.csv --ground_truth=F.csv

Trials are aligned by trial id and neurons by unit id: their order in the files is free.
"""

import json
import sys

from absl import flags

from sensorium_tf import cli
from sensorium_tf.flags import define_flags, show
from sensorium_tf.settings import TrainingSettings

SUBMISSION = show(flags.DEFINE_string("submission", None, "Submission file.", required=True))
GROUND_TRUTH = show(flags.DEFINE_string("ground_truth", None, "Ground-truth file.", required=True))
TRACK = define_flags(TrainingSettings, ["track"])["track"]
MODULES = define_flags(cli.CommandSettings, ["modules"])["modules"]


def main() -> None:
    from sensorium_tf.registry import import_modules
    from sensorium_tf.scoring import score

    import_modules(MODULES.value)
    scores = score(SUBMISSION.value, GROUND_TRUTH.value, track=TRACK.value)
    print(json.dumps(scores))
    for name, reason in scores.items():
        if name.endswith("_reason") and reason:
            print(f"{name.removesuffix('_reason')} is null: {reason}", file=sys.stderr)


if __name__ == "__main__":
    cli.run(main)
