"""The one exception for a mistake that its user can mend."""

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
