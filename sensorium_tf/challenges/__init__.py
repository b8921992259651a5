"""The benchmarks, each in one file: its recordings, tracks, tiers and rules."""

from sensorium_tf.challenges import sensorium2022, sensorium2023
from sensorium_tf.challenges.challenge import Challenge, PublishedRecording
from sensorium_tf.config import hint
from sensorium_tf.errors import SensoriumError

#: Name to challenge.
CHALLENGES = {each.CHALLENGE.name: each.CHALLENGE for each in (sensorium2022, sensorium2023)}
#: The challenge wherever nobody names another.
DEFAULT = sensorium2022.CHALLENGE


def challenge_of(name: str) -> Challenge:
    """Returns a challenge by its name.

    Raises:
        SensoriumError: If there is none of this name.
    """
    if name not in CHALLENGES:
        raise SensoriumError(f"challenge {name!r}: {hint(name, CHALLENGES)}")
    return CHALLENGES[name]


__all__ = [
    "CHALLENGES",
    "DEFAULT",
    "Challenge",
    "PublishedRecording",
    "challenge_of",
    "sensorium2022",
    "sensorium2023",
]
