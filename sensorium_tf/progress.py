"""What is shown of work that takes longer than a few seconds, on a terminal alone."""

import sys
from collections.abc import Collection, Iterator
from typing import TypeVar

T = TypeVar("T")
_WIDTH = 30


class ProgressLine:
    """One line on stderr that is rewritten as work goes on; nothing where that is no terminal."""

    def __init__(self):
        self._text = ""

    def show(self, text: str) -> None:
        """Puts a text into the line's place."""
        if sys.stderr.isatty():
            gone = " " * (len(self._text) - len(text))
            print(f"\r{text}{gone}", end="", file=sys.stderr, flush=True)
            self._text = text

    def clear(self) -> None:
        """Takes the line away, so that others can be printed; `show` brings it back."""
        if self._text:
            print(f"\r{' ' * len(self._text)}\r", end="", file=sys.stderr, flush=True)
            self._text = ""


def progress(items: Collection[T], what: str) -> Iterator[T]:
    """Yields items; on a terminal a bar on stderr shows how many are done, and goes in the end.

    Args:
        items: What there is to do.
        what: Such as `reading images`.
    """
    line, shown = ProgressLine(), -1
    try:
        for done, item in enumerate(items):
            percent = 100 * done // len(items)
            if percent > shown:
                bar = "=" * (_WIDTH * percent // 100)
                line.show(f"{what} [{bar:{_WIDTH}}] {percent}%")
                shown = percent
            yield item
    finally:
        line.clear()
