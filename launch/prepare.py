"""Prepares recordings as TFDS datasets, so that tfds.load("sensorium/mouse1") works.

A published mouse is taken from --manual_dir if its zip is there, else downloaded; a custom
recording gets the name that you give it.

    python launch/prepare.py --mice=mouse1,mouse2 --manual_dir=DIR
    python launch/prepare.py --recording=PATH --name=lab1
"""

from absl import flags

from sensorium_tf import cli

MICE = flags.DEFINE_string("mice", None, "Names, joined by commas: mouse1 to mouse7, simulated.")
RECORDING = flags.DEFINE_string("recording", None, "Zip or folder of a custom recording.")
NAME = flags.DEFINE_string("name", None, "Name for --recording.")
MANUAL_DIR = flags.DEFINE_string("manual_dir", None, "Folder with the published zips, unopened.")
FILE_FORMAT = flags.DEFINE_enum(
    "file_format",
    "tfrecord",
    ["tfrecord", "array_record"],
    "Use array_record for tfds.data_source.",
)


def main() -> None:
    from sensorium_tf.data import mouse_names, prepare
    from sensorium_tf.errors import SensoriumError

    if (RECORDING.value is None) == (MICE.value is None):
        raise SensoriumError("give either --mice, or --recording and --name")
    if (RECORDING.value is None) != (NAME.value is None):
        raise SensoriumError("--recording and --name go together")
    for name in [NAME.value] if NAME.value is not None else mouse_names(MICE.value):
        mouse = prepare(
            name,
            recording=RECORDING.value,
            data_dir=cli.DATA_DIR.value,
            manual_dir=MANUAL_DIR.value,
            file_format=FILE_FORMAT.value,
        )
        trials = ", ".join(f"{count} {tier}" for tier, count in mouse.tiers.items())
        print(f"sensorium/{name}: {mouse.n_neurons} neurons, trials: {trials}")
        print(f"  in {mouse.data_path}")
        withheld = [*mouse.withheld_signals, *(f"{t} responses" for t in mouse.withheld_tiers)]
        if withheld:
            print(f"  withheld in this recording: {', '.join(withheld)}")


if __name__ == "__main__":
    cli.run(main)
