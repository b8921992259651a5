"""The two tracks of the competition and what their models are given."""

import types

from sensorium_tf.errors import SensoriumError

IMAGE_SIZE = (36, 64)
# `sensorium_plus` has the three behaviors as constant channels behind the image.
TRACK_CHANNELS = types.MappingProxyType({"sensorium": 1, "sensorium_plus": 4})
TRACKS = tuple(TRACK_CHANNELS)


def check_track(track: str) -> None:
    """Raises SensoriumError unless `track` is `sensorium` or `sensorium_plus`."""
    if track not in TRACKS:
        raise SensoriumError(f"track {track!r}: unknown, expected {' or '.join(TRACKS)}")


def image_shape(track: str) -> tuple[int, int, int]:
    """Returns the shape of a model's image input, `(36, 64, channels)`.

    Raises:
      SensoriumError: if there is no such track.
    """
    check_track(track)
    return (*IMAGE_SIZE, TRACK_CHANNELS[track])


def describe_signals(track: str) -> str:
    """Returns the signals that a model of the track is given, for people.

    Raises:
      SensoriumError: if there is no such track.
    """
    check_track(track)
    return "image" if track == "sensorium" else "image, behavior, pupil center"
