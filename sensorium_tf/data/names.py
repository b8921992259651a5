"""Names of mice, and of the formats of prepared files."""

import re
from collections.abc import Iterable

from sensorium_tf.errors import SensoriumError

#: The first is for `tfds.load`, the second for `tfds.data_source`.
FILE_FORMATS = ("tfrecord", "array_record")


def mouse_names(mice: str | Iterable[str]) -> list[str]:
    """Returns the names in a list, or in a string that joins them by commas.

    Raises:
        SensoriumError: If there is none, or one twice.
    """
    names = mice.split(",") if isinstance(mice, str) else mice
    of_text = isinstance(names, Iterable) and all(isinstance(name, str) for name in names)
    names = [name.strip() for name in names] if of_text else []
    # Elsewhere a name becomes part of a path, and a `:` in it would mean a version to TFDS.
    if not names or not all(re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII) for name in names):
        raise SensoriumError(f"mice {mice!r}: expected names such as mouse1,mouse2")
    if len(set(names)) < len(names):
        raise SensoriumError(f"mice {mice!r}: a duplicate mouse")
    return names
