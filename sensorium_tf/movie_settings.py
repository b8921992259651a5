"""How movies are trained on: settings of a run."""

import dataclasses

from sensorium_tf.config import Config, setting
from sensorium_tf.specs import POOLED, STATISTICS_KINDS

#: Frames of a window that is trained on, unless somebody chooses another number: the published one.
WINDOW = 80


@dataclasses.dataclass(frozen=True, kw_only=True)
class MovieSettings(Config):
    """What is there to choose where the stimulus is a movie."""

    title = "movies"

    window: int | None = setting(
        None,
        "Frames of the window that training draws from each trial, anew in each epoch; shorter "
        "trials are left out.",
        at_least=1,
    )
    statistics: str = setting(
        POOLED,
        "By which means and standard deviations the frames and context signals are normalised: "
        "pooled over time, or time_resolved, of each frame by itself.",
        choices=STATISTICS_KINDS,
    )
