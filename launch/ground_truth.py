"""Writes the ground-truth file of a tier, to score submissions with.

    python launch/ground_truth.py --mouse=mouse3 --tier=test --output=DIR

A tier whose responses are withheld needs --truth, the file beside a simulated recording.
"""

from sensorium_tf import cli
from sensorium_tf.flags import define_flags

FLAGS = define_flags(
    cli.CommandSettings,
    ["mouse", "tier", "output", "truth"],
    required=["mouse", "output"],
    defaults={"tier": "test"},
)


def main() -> None:
    from sensorium_tf.evaluation import ground_truth

    print(ground_truth(**FLAGS.values(), data_dir=cli.DATA_DIR.value))


if __name__ == "__main__":
    cli.run(main)
