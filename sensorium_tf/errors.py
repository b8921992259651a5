"""The one exception for a mistake that its user can mend."""


class SensoriumError(ValueError):
    """Input that cannot be used: its text says what, where, and what to do about it.

    Launchers print the text as one line and exit with status 1; library users catch it as
    `sensorium_tf.SensoriumError` (a `ValueError`).
    """
