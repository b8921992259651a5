"""Gzip files of strangers, unpacked as a stream that cannot grow without bounds."""

import zlib
from collections.abc import Iterable, Iterator

from sensorium_tf.leaderboard.board import Refused
from sensorium_tf.leaderboard.settings import MIB, Limits

#: What gzip may add to a small file before the ratio counts.
ALWAYS_INFLATED = MIB


def inflated(pieces: Iterable[bytes], limits: Limits) -> Iterator[bytes]:
    """Yields the content of a gzip file, which may not become larger than it may.

    Raises:
        Refused: If it is no gzip file, is cut short or goes on behind its end, or inflates to more
            than `raw_bytes` or `inflation` times its size.
    """
    unpack = zlib.decompressobj(wbits=31)
    taken, given = 0, 0
    for piece in pieces:
        taken += len(piece)
        if unpack.eof:
            raise Refused("the gzip file goes on behind its end: pack the file once, by itself")
        while piece:
            try:
                part = unpack.decompress(piece, MIB)
            except zlib.error as e:
                raise Refused(f"is not a gzip file, or a damaged one ({e})") from e
            given += len(part)
            if given > limits.raw_bytes:
                raise Refused(f"inflates to more than {limits.raw_bytes / MIB:g} MiB", 413)
            if given > limits.inflation * taken + ALWAYS_INFLATED:
                raise Refused(f"inflates to more than {limits.inflation} times its size", 413)
            yield part
            piece = unpack.unconsumed_tail
            if unpack.unused_data:
                raise Refused("the gzip file goes on behind its end: pack the file once, by itself")
    yield unpack.flush()
    if not unpack.eof:
        raise Refused("the gzip file is cut short")
