"""How movies are trained on: settings of a run."""

import dataclasses

from sensorium_tf.config import Config, setting

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
