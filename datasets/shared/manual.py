"""Published files that people have put into the manual folder themselves."""

import warnings
from pathlib import Path

from sensorium_tf.errors import SensoriumError, shown
from sensorium_tf.reading import cannot_read

_MOST_SAID = 4


def find_by_hand(folder: Path, stem: str) -> Path | None:
    """Returns the recording of a published session, a zip or a folder; None if it is not there.

    A warning then says what is there instead, before anything is downloaded.

    Args:
        folder: Of the files that were put there by hand.
        stem: Name of the file looked for, without `.zip`.

    Raises:
        SensoriumError: If a link of this name leads nowhere, or the folder cannot be read.
    """
    for path in (folder / f"{stem}.zip", folder / stem):
        if path.exists():
            return path
        if path.is_symlink():
            target = shown(path.readlink(), most=200)
            raise SensoriumError(
                f"{path}: is a link to {target}, which is not here: put the file there, or delete "
                "the link to have it downloaded"
            )
    try:
        zips = sorted(path.name for path in folder.iterdir() if path.suffix == ".zip")
    except OSError as e:
        raise cannot_read(folder, e) from e
    others = ", ".join(map(shown, zips[:_MOST_SAID]))
    if len(zips) > _MOST_SAID:
        others += f" and {len(zips) - _MOST_SAID} more"
    warnings.warn(
        f"manual folder {folder}: {stem}.zip is not in it (but {others or 'no zip file'}): "
        "downloading it",
        stacklevel=2,
    )
    return None
