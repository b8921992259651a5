"""A recording of whatever kind its challenge is of."""

import os
from collections.abc import Mapping

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.recordings.movies import MovieRecording
from sensorium_tf.recordings.recording import Recording


def open_recording(
    path: str | os.PathLike,
    *,
    challenge: Challenge = DEFAULT,
    tiers: Mapping[str, str] | None = None,
) -> Recording | MovieRecording:
    """Opens a recording of images or of movies, as its challenge has them.

    Args:
        path: A zip file or a folder.
        challenge: The benchmark.
        tiers: As of `Recording`.

    Raises:
        SensoriumError: If it is no recording, or its metadata are missing, damaged or disagree.
    """
    kind = MovieRecording if challenge.recording.has_time else Recording
    return kind(path, challenge=challenge, tiers=tiers)
