"""The exceptions of the package, one for a mistake that its user can mend, and their words."""

import errno
import re

_PERMISSIONS = "check its permissions"
_SPACE = "free space or choose another place"
_OPEN_FILES = "close some files or raise their limit, see ulimit -n"
_LINKS = "links lead in a circle: put the file itself there"
_STORAGE = "check the disk or the network drive, then try again"
_REMEDIES = {
    errno.EACCES: _PERMISSIONS,
    errno.EPERM: _PERMISSIONS,
    errno.EROFS: "choose another place",
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EMFILE: _OPEN_FILES,
    errno.ENFILE: _OPEN_FILES,
    errno.ELOOP: _LINKS,
    errno.EIO: _STORAGE,
    errno.ESTALE: _STORAGE,
    errno.ETIMEDOUT: _STORAGE,
}


def one_line(error: BaseException, *, most: int | None = None) -> str:
    """Returns what an error says in one plain, printable line, or its kind if it says nothing.

    Args:
        error: Its text may hold what a file holds.
        most: Number of characters; what is beyond is left out.
    """
    # Keras prints parts in bold.
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = printable(" ".join(plain.split())) or type(error).__name__
    return text if most is None or len(text) <= most else f"{text[:most]}..."


def printable(text: str) -> str:
    """Returns text with escapes in place of characters that a terminal would not show."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def is_access_error(error: BaseException) -> bool:
    """Tells whether the system refused to read or write, whatever the content of the file.

    Parsers, too, raise OSError: without a number, or because damaged content made them ask for
    a place that no file has.
    """
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def os_reason(error: OSError) -> str:
    """Returns why the system refused to read or write, and the remedy where it is known.

    What the system refuses says nothing about the content of a file: no message with this reason
    may call the file damaged or advise to delete it.
    """
    remedy = _REMEDIES.get(error.errno)
    reason = error.strerror or one_line(error)
    return f"{reason} ({remedy})" if remedy else reason


class SensoriumError(ValueError):
    """Input that cannot be used: its text says what, where, and what to do about it.

    Launchers print the text as one line and exit with status 1; library users catch it as
    `sensorium_tf.SensoriumError` (a `ValueError`).
    """


class AccessError(SensoriumError):
    """The system refuses to read or to write: nothing is known to be wrong with any content."""


class TrainingStopped(Exception):  # noqa: N818 - not an error: the run is saved and can go on
    """The process was asked to end; the run is saved, and the same command goes on with it."""


def shown(text: object, *, most: int = 40) -> str:
    """Returns text from a file as a message can show it: printable, in quotes and short.

    Args:
        text: Such as an id or a file's name.
        most: Number of characters; what is beyond is left out.
    """
    text = str(text)
    return repr(text) if len(text) <= most else f"{text[:most]!r}..."
