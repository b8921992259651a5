"""Predicts the competition's tiers and writes the submission files.

    python launch/submit.py --workdir=runs/cnn --mouse=mouse1 --output=runs/cnn/submission
    python launch/submit.py --model_file=cnn_mouse1.keras --mouse=mouse1

Writes submission_file_live_test.csv (tier test) and submission_file_final_test.csv and, beside
them, submission.json: which model it was, and which signals and trials it used.
"""

from absl import flags

from sensorium_tf import cli

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the trained run.")
MODEL_FILE = flags.DEFINE_string("model_file", None, "Or a .keras file, trained or imported.")
MOUSE = flags.DEFINE_string("mouse", None, "Which of the model's mice.", required=True)
MODULES = flags.DEFINE_list("modules", [], "Modules of custom layers, to be imported first.")
OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "Folder for the files. Default: submission, in the workdir or in <lone model file>_results.",
)


def main() -> None:
    import sensorium_tf

    cli.import_own(MODULES)
    run = sensorium_tf.Run(cli.one_of(WORKDIR, MODEL_FILE), cli.DATA_DIR.value)
    print(f"{run.name} {run.provenance.describe()}; it predicts the test tiers of {MOUSE.value}")
    for path in sensorium_tf.submit(run, MOUSE.value, output=OUTPUT.value):
        print(path)


if __name__ == "__main__":
    cli.run(main)
