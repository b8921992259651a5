"""The two tracks of the competition and what their models are given."""

import types
from collections.abc import Sequence

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


def track_of(shape: Sequence[int]) -> str:
    """Returns the track whose models take images of this shape, `(height, width, channels)`.

    Raises:
      SensoriumError: if there is none.
    """
    for track in TRACKS:
        if tuple(shape) == image_shape(track):
            return track
    raise SensoriumError(
        f"images of shape {tuple(shape)} belong to no track, expected "
        f"{' or '.join(str(image_shape(track)) for track in TRACKS)}"
    )


def describe_signals(track: str, *, pupil_center: bool = True) -> str:
    """Returns the signals that a model of the track is given, for people.

    Args:
      track: the model's.
      pupil_center: whether a model of `sensorium_plus` has shifters, which take it.

    Raises:
      SensoriumError: if there is no such track.
    """
    check_track(track)
    if track == "sensorium":
        return "image"
    return "image, behavior, pupil center" if pupil_center else "image, behavior"
