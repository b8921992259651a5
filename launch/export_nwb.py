"""Writes a recording as an NWB file (Neurodata Without Borders).

    python launch/export_nwb.py --recording=PATH --output=mouse.nwb

Images are stored once, withheld responses are NaN, and trial numbers stand in the place of times,
which recordings do not hold. import_nwb.py makes the same recording of it again. Needs pynwb:
pip install '.[nwb]'.
"""

import datetime

from absl import flags

from sensorium_tf import cli
from sensorium_tf.errors import SensoriumError
from sensorium_tf.flags import define_flags

FLAGS = define_flags(
    cli.CommandSettings, ["recording", "output", "tiers"], required=["recording", "output"]
)
START = flags.DEFINE_string(
    "session_start_time",
    None,
    "When the session began, such as 2021-05-01T10:00:00+02:00; else the file says that it is not "
    "known.",
)


def main() -> None:
    from sensorium_tf.interop.nwb import export_nwb

    try:
        start = START.value and datetime.datetime.fromisoformat(START.value)
    except ValueError as e:
        raise SensoriumError(f"--session_start_time: {e}") from e
    print(
        export_nwb(
            FLAGS["recording"].value,
            FLAGS["output"].value,
            tiers=cli.pairs(FLAGS["tiers"], may_be_empty=True),
            session_start_time=start,
        )
    )


if __name__ == "__main__":
    cli.run(main)
