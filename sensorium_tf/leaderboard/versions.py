"""Which scorer gave a score."""

from sensorium_tf import __version__

#: The package's version, and a number that grows when equal files would get other scores.
SCORER = f"sensorium_tf {__version__}, scores 1"
