"""Writes the ground-truth file of a tier, to score submissions with.

    python launch/ground_truth.py --mouse=mouse3 --tier=test --output=DIR
    python launch/ground_truth.py --challenge=sensorium2023 --mouse=lab1 --tier=oracle --output=DIR

A tier whose responses are withheld needs --truth, the file beside a simulated recording. A file of
sensorium2023 may be of several mice, whose names are joined by commas.
"""

from sensorium_tf import cli
from sensorium_tf.flags import define_flags

FLAGS = define_flags(
    cli.CommandSettings,
    ["mouse", "tier", "output", "truth"],
    required=["mouse", "output"],
    defaults={"tier": "test"},
)
CHALLENGE = define_flags(cli.CommandSettings, ["challenge"])["challenge"]


def main() -> None:
    from sensorium_tf.challenges import challenge_of
    from sensorium_tf.evaluation import ground_truth, movie_ground_truth

    challenge = challenge_of(CHALLENGE.value)
    settings = {**FLAGS.values(), "data_dir": cli.DATA_DIR.value}
    if challenge.recording.has_time:
        mice = settings.pop("mouse")
        print(movie_ground_truth(mice, challenge=challenge, **settings))
    else:
        print(ground_truth(**settings))


if __name__ == "__main__":
    cli.run(main)
