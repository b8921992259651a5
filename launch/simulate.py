"""Simulates a mouse and writes it as a recording, in the published file tree.

Beside the recording goes <name>_truth.npz: the true rates, and the responses that a competition
recording withholds.

    python launch/simulate.py --output=runs/recordings --session=26872-17-20 --neurons=500
"""

from absl import flags

from sensorium_tf import cli

OUTPUT = flags.DEFINE_string("output", None, "Folder for the recording.", required=True)
SESSION = flags.DEFINE_string("session", "26872-17-20", "Session key: animal-session-scan.")
NEURONS = flags.DEFINE_integer("neurons", 500, "Number of neurons.")
IMAGES = flags.DEFINE_integer("images", 1000, "Images shown once, for training and validation.")
REPEATS = flags.DEFINE_integer("repeats", 10, "How often each test image is shown.")
SEED = flags.DEFINE_integer("seed", 0, "Equal flags and seeds give equal files, byte for byte.")
IMAGE_SIZE = flags.DEFINE_string("image_size", None, "Height x width, such as 36x64, if another.")
CHANNELS = flags.DEFINE_integer("channels", 1, "Colours of the images.")
BEHAVIORS = flags.DEFINE_integer("behaviors", None, "Columns of behavior, if others; 0 for none.")
PUPIL = flags.DEFINE_bool("pupil", True, "Whether there is a pupil center.")
CONTEXT = flags.DEFINE_list("context", [], "Further signals, such as decision, joined by commas.")
BEHAVIOR = flags.DEFINE_bool("behavior", True, "Record behavior and pupil center, or zeros.")
COMPETITION = flags.DEFINE_bool("competition", False, "Withhold the test tiers' responses.")


def main() -> None:
    from sensorium_tf.simulation import recording_spec, simulate_recording

    print(f"simulating {NEURONS.value} neurons (a mouse of full size takes about two minutes)")
    path = simulate_recording(
        OUTPUT.value,
        session_key=SESSION.value,
        n_neurons=NEURONS.value,
        n_images=IMAGES.value,
        n_repeats=REPEATS.value,
        seed=SEED.value,
        behavior=BEHAVIOR.value,
        competition=COMPETITION.value,
        spec=recording_spec(
            image_size=IMAGE_SIZE.value,
            n_channels=CHANNELS.value,
            n_behaviors=BEHAVIORS.value,
            pupil_center=PUPIL.value,
            context=CONTEXT.value,
        ),
    )
    print(f"{path}\n{path.with_name(path.stem + '_truth.npz')}")


if __name__ == "__main__":
    cli.run(main)
