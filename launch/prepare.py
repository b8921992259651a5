"""Prepares recordings as TFDS datasets, so that tfds.load("sensorium/mouse1") works.

A published mouse (mouse1 to mouse7) is taken from --manual_dir if its zip is there, else
downloaded; the mouse called simulated is made on the spot; a custom recording gets the name that
you give it. --json prints a line of JSON for each.

    python launch/prepare.py --mice=mouse1,mouse2 --manual_dir=DIR
    python launch/prepare.py --recording=PATH --name=lab1 [--tiers=oracle:test,none:]
    python launch/prepare.py --recordings=lab1:PATH,lab2:PATH --jobs=4
    python launch/prepare.py --challenge=sensorium2023 --mice=mouse1   # movies

Several mice are prepared --jobs at a time; what is wrong with some of them is said at the end, when
all others are prepared.
"""

import json

from absl import flags

from sensorium_tf import cli
from sensorium_tf.data.names import FILE_FORMATS
from sensorium_tf.flags import define_choice, define_flags, show

FLAGS = define_flags(cli.CommandSettings, ["mice", "recording", "tiers", "challenge", "json"])
NAME = show(flags.DEFINE_string("name", None, "Name for --recording."))
MANUAL_DIR = show(
    flags.DEFINE_string("manual_dir", None, "Folder with the published zips, unopened.")
)
FILE_FORMAT = define_choice(
    "file_format", FILE_FORMATS[0], FILE_FORMATS, "Use array_record for tfds.data_source."
)


RECORDINGS = show(
    flags.DEFINE_list(
        "recordings", [], "Custom recordings, NAME:PATH joined by commas, instead of --mice."
    )
)
JOBS = show(
    flags.DEFINE_integer(
        "jobs", 1, "How many mice to prepare at once, each in a process.", lower_bound=1
    )
)
BEAM_RUNNER = flags.DEFINE_string(
    "beam_runner", None, "Apache Beam runner to prepare with, such as DirectRunner (extra beam)."
)
BEAM_OPTIONS = flags.DEFINE_list(
    "beam_options", [], "Options of that runner, name=value joined by commas."
)


def main() -> None:
    from sensorium_tf.challenges import challenge_of
    from sensorium_tf.data import prepare_mice

    prepare_mice(
        _mice(),
        jobs=JOBS.value,
        report=_print_json if FLAGS["json"].value else _print,
        tiers=cli.pairs(FLAGS["tiers"], may_be_empty=True),
        data_dir=cli.DATA_DIR.value,
        manual_dir=MANUAL_DIR.value,
        file_format=FILE_FORMAT.value,
        beam_runner=BEAM_RUNNER.value,
        beam_options=BEAM_OPTIONS.value,
        challenge=challenge_of(FLAGS["challenge"].value),
    )


def _mice() -> list[str] | dict[str, str]:
    """Returns the names that were asked for, custom ones with their recordings."""
    from sensorium_tf.data import mouse_names
    from sensorium_tf.errors import SensoriumError

    mice, recording, recordings = FLAGS["mice"].value, FLAGS["recording"].value, RECORDINGS.value
    if [mice is None, recording is None, not recordings].count(False) != 1:
        raise SensoriumError("give either --mice, or --recording and --name, or --recordings")
    if (recording is None) != (NAME.value is None):
        raise SensoriumError("--recording and --name go together")
    if recordings:
        return cli.pairs(RECORDINGS)
    return mouse_names(mice) if recording is None else {NAME.value: recording}


def _print(mouse) -> None:
    trials = ", ".join(f"{count} {tier}" for tier, count in mouse.tiers.items())
    dataset = mouse.data_path.parents[1].name
    print(f"{dataset}/{mouse.name}: {mouse.n_neurons} neurons, trials: {trials}")
    print(f"  in {mouse.data_path}")
    if withheld := _withheld(mouse):
        print(f"  withheld in this recording: {', '.join(withheld)}", flush=True)


def _print_json(mouse) -> None:
    found = {"name": mouse.name, "neurons": mouse.n_neurons, "trials": dict(mouse.tiers)}
    found |= {"withheld": _withheld(mouse), "folder": str(mouse.data_path)}
    print(json.dumps(found), flush=True)


def _withheld(mouse) -> list[str]:
    return [*mouse.withheld_signals, *(f"{tier} responses" for tier in mouse.withheld_tiers)]


if __name__ == "__main__":
    cli.run(main)
