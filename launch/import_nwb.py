"""Makes a recording of an NWB file (Neurodata Without Borders), for prepare.py --recording.

    python launch/import_nwb.py --nwb=mouse.nwb --output=recordings
    python launch/import_nwb.py --nwb=theirs.nwb --mapping=theirs.json --output=recordings

A file of export_nwb.py says itself what is what in it. For the files of other labs a mapping does,
a small JSON file: docs/nwb.md shows one. Nothing outside of the file is read.
"""

from absl import flags

from sensorium_tf import cli
from sensorium_tf.flags import define_flags, show

NWB = show(flags.DEFINE_string("nwb", None, "NWB file.", required=True))
FLAGS = define_flags(cli.CommandSettings, ["output", "tiers"], required=["output"])
MAPPING = show(flags.DEFINE_string("mapping", None, "JSON file that says what is what in it."))
SESSION = show(
    flags.DEFINE_string("session", None, "Session key or other name, if not the mapping's.")
)


def main() -> None:
    from sensorium_tf.interop.nwb import import_nwb
    from sensorium_tf.recordings import Recording

    path = import_nwb(
        NWB.value,
        FLAGS["output"].value,
        mapping=MAPPING.value,
        session=SESSION.value,
        tiers=cli.pairs(FLAGS["tiers"], may_be_empty=True),
    )
    with Recording(path) as recording:
        trials = ", ".join(
            f"{len(recording.trials_of(tier))} {tier}"
            for tier in recording.challenge.tiers
            if tier in recording.tiers
        )
        print(f"session {recording.session_key}: {recording.n_neurons} neurons, trials: {trials}")
        for signal in recording.spec.signals:
            print(f"  {signal.name} {signal.shape}")
    print(path)


if __name__ == "__main__":
    cli.run(main)
