"""Files from their published addresses, over a network that may not be there."""

import hashlib
import urllib.error
import urllib.request
from pathlib import Path

from sensorium_tf.errors import SensoriumError, one_line, shown
from sensorium_tf.io import atomic_write

_PROBE_SECONDS = 5
_BLOCK = 1 << 20


def probe(url: str, *, remedy: str) -> None:
    """Finds out within seconds whether anybody answers at an address.

    Args:
        url: The address.
        remedy: What to do without a network.

    Raises:
        SensoriumError: If there is no network.
    """
    request = urllib.request.Request(url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_PROBE_SECONDS).close()
    except urllib.error.HTTPError:
        return  # somebody answers: what is wrong with the address is told by who asks for the file
    except (OSError, ValueError) as e:
        raise SensoriumError(f"no network ({one_line(e)}): {remedy}") from e


def fetch(url: str, path: Path, *, largest: int, remedy: str) -> None:
    """Downloads a file, complete or not at all.

    Args:
        url: The address.
        path: Where to write it.
        largest: More bytes are refused.
        remedy: What to do if it cannot be had.

    Raises:
        SensoriumError: If there is no network or no such file, it is too large, or it cannot be
            written.
    """
    probe(url, remedy=remedy)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, atomic_write(path, "wb") as file:
            n_bytes = 0
            while block := answer.read(_BLOCK):
                n_bytes += len(block)
                if n_bytes > largest:
                    raise SensoriumError(f"{url}: has more than {largest} bytes: {remedy}")
                file.write(block)
    except SensoriumError:
        raise
    except (OSError, ValueError) as e:
        raise SensoriumError(f"{url}: cannot be downloaded ({one_line(e)}): {remedy}") from e


def check_digest(path: Path, sha256: str, *, remedy: str) -> None:
    """Raises SensoriumError unless a file has the SHA-256 that is known.

    Args:
        path: The file.
        sha256: As hex.
        remedy: What to do if it is another file.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise SensoriumError(
            f"{path}: sha256 {shown(found, most=64)}, expected {sha256}: it is not the published "
            f"file, or damaged: {remedy}"
        )
