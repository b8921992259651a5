"""The seven published recordings: which mouse is which session, and where its file lies."""

import dataclasses
import re

from sensorium_tf.errors import SensoriumError

#: Where the published recordings are.
ARCHIVE_URL = "https://gin.g-node.org/cajal/Sensorium2022"
_IMAGES_HASH = "94c6ff995dac583098847cfecd43e7b6"
_SESSION_KEY = re.compile(r"\d+-\d+-\d+")


@dataclasses.dataclass(frozen=True)
class PublishedRecording:
    """One published recording.

    Attributes:
      mouse: the name under which it is prepared, `mouse1` to `mouse7`.
      session_key: animal, session and scan, such as `26872-17-20`.
      purpose: `sensorium` or `sensorium_plus` for the two competition recordings, else
        `pre-training`.
      n_neurons: neurons in the published file, for documentation: the file itself decides.
    """

    mouse: str
    session_key: str
    purpose: str
    n_neurons: int

    @property
    def stem(self) -> str:
        """File name without `.zip`, which is also the top folder inside the zip."""
        return recording_stem(self.session_key)

    @property
    def url(self) -> str:
        """Address of the raw file."""
        return f"{ARCHIVE_URL}/raw/master/{self.stem}.zip"


def recording_stem(session_key: str) -> str:
    """Returns the published file name, without `.zip`, of a session such as `26872-17-20`.

    Raises:
      SensoriumError: if `session_key` is not three numbers joined by hyphens.
    """
    if not _SESSION_KEY.fullmatch(session_key):
        raise SensoriumError(
            f"session key {session_key!r}: expected animal-session-scan, such as 26872-17-20"
        )
    return f"static{session_key}-GrayImageNet-{_IMAGES_HASH}"


def session_key_of(stem: str) -> str:
    """Returns the session key in a file or folder name, or the name itself without one."""
    match = re.match(rf"static({_SESSION_KEY.pattern})(?:-|$)", stem)
    return match[1] if match else stem


#: Mouse to its published recording.
CATALOG = {
    entry.mouse: entry
    for entry in (
        PublishedRecording("mouse1", "26872-17-20", "sensorium", 7776),
        PublishedRecording("mouse2", "27204-5-13", "sensorium_plus", 7538),
        PublishedRecording("mouse3", "21067-10-18", "pre-training", 8372),
        PublishedRecording("mouse4", "22846-10-16", "pre-training", 7344),
        PublishedRecording("mouse5", "23343-5-17", "pre-training", 7334),
        PublishedRecording("mouse6", "23656-14-22", "pre-training", 8107),
        PublishedRecording("mouse7", "23964-4-22", "pre-training", 8098),
    )
}
