"""A bar for work that takes longer than a few seconds, on a terminal alone."""

import sys
from collections.abc import Collection, Iterator
from typing import TypeVar

T = TypeVar("T")
_WIDTH = 30


def progress(items: Collection[T], what: str) -> Iterator[T]:
    """Yields items; on a terminal a bar on stderr shows how many are done, and goes in the end.

    Args:
        items: What there is to do.
        what: Such as `reading images`.
    """
    if not sys.stderr.isatty() or not len(items):
        yield from items
        return
    line, shown = "", -1
    try:
        for done, item in enumerate(items):
            percent = 100 * done // len(items)
            if percent > shown:
                bar = "=" * (_WIDTH * percent // 100)
                line, shown = f"{what} [{bar:{_WIDTH}}] {percent}%", percent
                print(f"\r{line}", end="", file=sys.stderr, flush=True)
            yield item
    finally:
        print(f"\r{' ' * len(line)}\r", end="", file=sys.stderr, flush=True)
