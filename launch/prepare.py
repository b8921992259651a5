"""Prepares recordings as TFDS datasets, so that tfds.load("sensorium/mouse1") works.

A published mouse (mouse1 to mouse7) is taken from --manual_dir if its zip is there, else
downloaded; the mouse called simulated is made on the spot; a custom recording gets the name that
you give it. --json prints a line of JSON for each.

    python launch/prepare.py --mice=mouse1,mouse2 --manual_dir=DIR
    python launch/prepare.py --recording=PATH --name=lab1 [--tiers=oracle:test,none:]
"""

import json

from absl import flags

from sensorium_tf import cli
from sensorium_tf.data.names import FILE_FORMATS, mouse_names
from sensorium_tf.flags import define_choice, define_flags, show

FLAGS = define_flags(cli.CommandSettings, ["mice", "recording", "tiers", "json"])
NAME = show(flags.DEFINE_string("name", None, "Name for --recording."))
MANUAL_DIR = show(
    flags.DEFINE_string("manual_dir", None, "Folder with the published zips, unopened.")
)
FILE_FORMAT = define_choice(
    "file_format", FILE_FORMATS[0], FILE_FORMATS, "Use array_record for tfds.data_source."
)


def main() -> None:
    from sensorium_tf.data import prepare
    from sensorium_tf.errors import SensoriumError

    mice, recording = FLAGS["mice"].value, FLAGS["recording"].value
    if (recording is None) == (mice is None):
        raise SensoriumError("give either --mice, or --recording and --name")
    if (recording is None) != (NAME.value is None):
        raise SensoriumError("--recording and --name go together")
    tiers = cli.pairs(FLAGS["tiers"], may_be_empty=True)
    for name in [NAME.value] if NAME.value is not None else mouse_names(mice):
        mouse = prepare(
            name,
            recording=recording,
            tiers=tiers,
            data_dir=cli.DATA_DIR.value,
            manual_dir=MANUAL_DIR.value,
            file_format=FILE_FORMAT.value,
        )
        withheld = [*mouse.withheld_signals, *(f"{t} responses" for t in mouse.withheld_tiers)]
        if FLAGS["json"].value:
            found = {"name": name, "neurons": mouse.n_neurons, "trials": dict(mouse.tiers)}
            found |= {"withheld": withheld, "folder": str(mouse.data_path)}
            print(json.dumps(found), flush=True)
            continue
        trials = ", ".join(f"{count} {tier}" for tier, count in mouse.tiers.items())
        print(f"sensorium/{name}: {mouse.n_neurons} neurons, trials: {trials}")
        print(f"  in {mouse.data_path}")
        if withheld:
            print(f"  withheld in this recording: {', '.join(withheld)}")


if __name__ == "__main__":
    cli.run(main)
