"""The exceptions of the package, of which one is for a mistake that its user can correct."""

import re


def one_line(error: BaseException) -> str:
    """Returns what an error says in one plain line, or its kind if it says nothing."""
    # Keras prints parts in bold.
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    return " ".join(plain.split()) or type(error).__name__


class SensoriumError(ValueError):
    """Input that cannot be used: its text says what, where, and what to do about it.

    Launchers print the text as one line and exit with status 1; library users catch it as
    `sensorium_tf.SensoriumError` (a `ValueError`).
    """


class TrainingStopped(Exception):  # noqa: N818 - not an error: the run is saved and can go on
    """The process was asked to end; the run is saved, and the same command goes on with it."""
