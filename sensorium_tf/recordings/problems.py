"""Several things that are wrong with one recording, said at once."""

from pathlib import Path

from sensorium_tf.errors import AccessError, SensoriumError

# Of the same kind there are often many. Characters of one of them, and of all together.
_LONGEST, _LONGEST_OF_ALL = 250, 350


class Problems:
    """Keeps the errors that are raised in its `with` blocks.

    Args:
        path: Of the recording.
    """

    def __init__(self, path: Path):
        self._path = path
        self._texts: list[str] = []

    def __enter__(self) -> "Problems":
        return self

    def __exit__(self, _, error: BaseException | None, __) -> bool:
        # What the system refuses is no fault of the recording's.
        if not isinstance(error, SensoriumError) or isinstance(error, AccessError):
            return False
        text = str(error).removeprefix(f"{self._path}: ")
        self._texts.append(text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ...")
        return True

    def check(self) -> None:
        """Raises SensoriumError if there are any."""
        if not self._texts:
            return
        said: list[str] = []
        for text in self._texts:
            if said and len("; ".join([*said, text])) > _LONGEST_OF_ALL:
                break
            said.append(text)
        more = len(self._texts) - len(said)
        raise SensoriumError(
            f"{self._path}: {'; '.join(said)}{f'; and {more} more problems' if more else ''}"
        )
