"""Writes the ground-truth file of a tier, to score submissions with.

    python launch/ground_truth.py --mouse=mouse3 --tier=test --output=DIR

A tier whose responses are withheld needs --truth, the file beside a simulated recording.
"""

from absl import flags

from sensorium_tf import cli

MOUSE = flags.DEFINE_string("mouse", None, "A prepared mouse.", required=True)
TIER = flags.DEFINE_string("tier", "test", "Which tier: test, final_test or validation.")
OUTPUT = flags.DEFINE_string("output", None, "Folder for the file.", required=True)
TRUTH = flags.DEFINE_string("truth", None, "<name>_truth.npz of a simulated recording.")


def main() -> None:
    from sensorium_tf.evaluation import ground_truth

    path = ground_truth(
        MOUSE.value,
        TIER.value,
        output=OUTPUT.value,
        truth=TRUTH.value,
        data_dir=cli.DATA_DIR.value,
    )
    print(path)


if __name__ == "__main__":
    cli.run(main)
