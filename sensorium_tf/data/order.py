"""When the trials of a recording were shown."""

import re

import numpy as np

from sensorium_tf.errors import SensoriumError


def shown_order(trial_ids: np.ndarray, mouse: str) -> np.ndarray:
    """Returns when trials were shown, `(trials,)` int64, which their ids tell.

    Args:
        trial_ids: `(trials,)` strings.
        mouse: Name of the mouse, for the message.

    Raises:
        SensoriumError: If the ids are hashed, as the competition's are, or else no numbers.
    """
    # Longer ones are no numbers of trials, nor fit into an integer.
    if not all(re.fullmatch(r"-?\d{1,18}", each, re.ASCII) for each in trial_ids.tolist()):
        raise SensoriumError(
            f"{mouse}: the trial ids are hashed in this recording, or no numbers: the order in "
            "which the trials were shown is not known"
        )
    return trial_ids.astype(np.int64)
