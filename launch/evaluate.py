"""Scores a trained model on a tier whose responses are known, beside the oracle.

    python launch/evaluate.py --workdir=runs/cnn [--tier=validation]

Prints a table; evaluation.json, neurons.csv and figures/ go into the workdir.
"""

import launcher
from absl import flags

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the trained run.", required=True)
TIER = flags.DEFINE_string(
    "tier",
    None,
    "Tier to score. Default: test where its responses are known or in --truth, else validation.",
)
TRUTH = flags.DEFINE_string(
    "truth", None, "<name>_truth.npz of a simulated recording: scores its true rates as well."
)


def main() -> None:
    from sensorium_tf.evaluation import evaluate

    evaluation = evaluate(
        WORKDIR.value, tier=TIER.value, truth=TRUTH.value, data_dir=launcher.DATA_DIR.value
    )
    print(evaluation.report())


if __name__ == "__main__":
    launcher.run(main)
