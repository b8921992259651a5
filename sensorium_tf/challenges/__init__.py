"""The benchmarks, each in one file: its recordings, tracks, tiers and rules."""

from sensorium_tf.challenges import sensorium2022
from sensorium_tf.challenges.challenge import Challenge, PublishedRecording

#: Name to challenge.
CHALLENGES = {sensorium2022.CHALLENGE.name: sensorium2022.CHALLENGE}
#: The challenge wherever nobody names another.
DEFAULT = sensorium2022.CHALLENGE

__all__ = ["CHALLENGES", "DEFAULT", "Challenge", "PublishedRecording", "sensorium2022"]
