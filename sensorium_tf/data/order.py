"""When the trials of a recording were shown."""

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings.numbers import whole_numbers


def shown_order(trial_ids: np.ndarray, mouse: str) -> np.ndarray:
    """Returns when trials were shown, `(trials,)` int64, which their ids tell.

    Args:
        trial_ids: `(trials,)` strings.
        mouse: Name of the mouse, for the message.

    Raises:
        SensoriumError: If the ids are hashed, as the competition's are, or else no numbers.
    """
    numbers = whole_numbers(trial_ids)
    if numbers is None:
        raise SensoriumError(
            f"{mouse}: the trial ids are hashed in this recording, or no numbers: the order in "
            "which the trials were shown is not known"
        )
    return numbers
