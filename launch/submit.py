"""Predicts the competition's tiers and writes the submission files.

    python launch/submit.py --workdir=runs/cnn --mouse=mouse1 --output=runs/cnn/submission
    python launch/submit.py --model_file=cnn_mouse1.keras --mouse=mouse1
    python launch/submit.py --workdir=runs/movies

Writes submission_file_live_test.csv (tier test) and submission_file_final_test.csv and, beside
them, submission.json: which model it was, and which signals and trials it used. Of movies it writes
a file for each tier, such as predictions_live_main.parquet.brotli, and submission.zip of them; they
are of all mice of the run, unless --mouse names one.
"""

from sensorium_tf import cli
from sensorium_tf.flags import define_flags

FLAGS = define_flags(
    cli.CommandSettings,
    ["workdir", "model_file", "mouse", "output", "modules"],
    default_texts={
        "mouse": "that of the run; of movies all of them",
        "output": "submission, in the workdir or in <lone model file>_results",
    },
)


def main() -> None:
    import sensorium_tf
    from sensorium_tf.registry import import_modules

    import_modules(FLAGS["modules"].value)
    mouse = FLAGS["mouse"].value
    run = sensorium_tf.Run(cli.one_of(FLAGS["workdir"], FLAGS["model_file"]), cli.DATA_DIR.value)
    of = mouse or ", ".join(run.mice)
    print(f"{run.name} {run.provenance.describe()}; it predicts the test tiers of {of}")
    for path in sensorium_tf.submit(run, mouse, output=FLAGS["output"].value):
        print(path)


if __name__ == "__main__":
    cli.run(main)
