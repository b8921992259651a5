"""Scores a submission file against a ground-truth file.

Prints a table: the scores with their 95 % intervals over neurons and, to judge them by, the oracle:
what the other repeats of an image predict. FEVE is not defined for track sensorium_plus, as no two
repeats of an image have the same behavior. Metrics that --modules register are scored as well.
--json prints all of it as JSON, undefined scores as null with the reason.

    python launch/score.py --submission=F.csv --ground_truth=F.csv
    python launch/score.py --challenge=sensorium2023 --submission=F.brotli --ground_truth=F.brotli
    python launch/score.py --submission=F.csv

Trials are aligned by trial id and neurons by unit id: their order in the files is free. Without
--ground_truth a submission is only checked, as before an upload.
"""

import json

from absl import flags

from sensorium_tf import cli
from sensorium_tf.flags import define_flags, show

SUBMISSION = show(flags.DEFINE_string("submission", None, "Submission file.", required=True))
GROUND_TRUTH = show(flags.DEFINE_string("ground_truth", None, "Ground-truth file."))
FLAGS = define_flags(cli.CommandSettings, ["challenge", "track", "modules", "json"])


def main() -> None:
    from sensorium_tf.challenges import challenge_of
    from sensorium_tf.evaluation import scores_table
    from sensorium_tf.metrics import ORACLE, metric_names
    from sensorium_tf.registry import import_modules
    from sensorium_tf.scoring import check_submission, score

    challenge = challenge_of(FLAGS["challenge"].value)
    if GROUND_TRUTH.value is None:
        found = check_submission(SUBMISSION.value, challenge=challenge)
        counts = ", ".join(f"{number} {what}" for what, number in found.items())
        print(json.dumps(found) if FLAGS["json"].value else f"{SUBMISSION.value}: {counts}")
        return
    import_modules(FLAGS["modules"].value)
    scores = score(
        SUBMISSION.value, GROUND_TRUTH.value, track=FLAGS["track"].value, challenge=challenge
    )
    if FLAGS["json"].value:
        print(json.dumps(scores))
        return
    rows = {"submission": scores, **scores.get("mice", {}), ORACLE: scores["oracle"]}
    reasons = {name: scores.get(f"{name}_reason") for name in scores}
    print(
        scores_table(
            {name: row for name, row in rows.items() if row is not None},
            metrics=metric_names(challenge),
            notes=[f"no {name.upper()}: {reason}" for name, reason in reasons.items() if reason],
        )
    )


if __name__ == "__main__":
    cli.run(main)
