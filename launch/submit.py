"""Predicts the competition's tiers and writes the submission files.

    python launch/submit.py --workdir=runs/cnn --mouse=mouse1 --output=runs/cnn/submission

Writes submission_file_live_test.csv (tier test) and submission_file_final_test.csv.
"""

import launcher
from absl import flags

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the trained run.", required=True)
MOUSE = flags.DEFINE_string("mouse", None, "Which of the run's mice.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "Folder for the files. Default: WORKDIR/submission.")


def main() -> None:
    from sensorium_tf.competition import submit
    from sensorium_tf.tracks import describe_signals
    from sensorium_tf.training import Workdir

    settings = Workdir(WORKDIR.value).settings()
    print(
        f"{settings.model} sees {describe_signals(settings.track)}; it predicts the test tiers of "
        f"{MOUSE.value}"
    )
    for path in submit(
        WORKDIR.value, MOUSE.value, output=OUTPUT.value, data_dir=launcher.DATA_DIR.value
    ):
        print(path)


if __name__ == "__main__":
    launcher.run(main)
