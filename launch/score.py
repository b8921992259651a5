"""Scores a submission file against a ground-truth file.

Prints a table: the three scores with their 95 % intervals over neurons and, to judge them by, the
oracle: what the other repeats of an image predict. FEVE is not defined for track sensorium_plus, as
no two repeats of an image have the same behavior. Metrics that --modules register are scored as
well. --json prints all of it as JSON, undefined scores as null with the reason.

    python launch/score.py --submission=F.csv --ground_truth=F.csv

Trials are aligned by trial id and neurons by unit id: their order in the files is free.
"""

import json

from absl import flags

from sensorium_tf import cli
from sensorium_tf.flags import define_flags, show
from sensorium_tf.settings import TrainingSettings

SUBMISSION = show(flags.DEFINE_string("submission", None, "Submission file.", required=True))
GROUND_TRUTH = show(flags.DEFINE_string("ground_truth", None, "Ground-truth file.", required=True))
TRACK = define_flags(TrainingSettings, ["track"])["track"]
FLAGS = define_flags(cli.CommandSettings, ["modules", "json"])


def main() -> None:
    from sensorium_tf.evaluation import scores_table
    from sensorium_tf.metrics import ORACLE
    from sensorium_tf.registry import import_modules
    from sensorium_tf.scoring import score

    import_modules(FLAGS["modules"].value)
    scores = score(SUBMISSION.value, GROUND_TRUTH.value, track=TRACK.value)
    if FLAGS["json"].value:
        print(json.dumps(scores))
        return
    rows = {"submission": scores, ORACLE: scores["oracle"]}
    reasons = {name: scores.get(f"{name}_reason") for name in scores}
    print(
        scores_table(
            {name: row for name, row in rows.items() if row is not None},
            notes=[f"no {name.upper()}: {reason}" for name, reason in reasons.items() if reason],
        )
    )


if __name__ == "__main__":
    cli.run(main)
