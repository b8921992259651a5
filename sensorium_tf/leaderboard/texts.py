"""Text that people send: names, methods, links, labels. Text stays text."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sensorium_tf.errors import shown
from sensorium_tf.leaderboard.board import Refused

_LONGEST_NAME, _LONGEST_METHOD, _LONGEST_LINK = 100, 5000, 300
_MOST_LINKS = 5
# In a label: of a model, whose name holds the options of its parts, and of mice, which it joins.
_LONGEST_JOINED = 1000
_LONGEST_LABEL = 32_768
# Marks that turn the direction of what stands beside them, so that it reads otherwise.
_TURNING = {
    "\u202a",
    "\u202b",
    "\u202c",
    "\u202d",
    "\u202e",
    "\u2066",
    "\u2067",
    "\u2068",
    "\u2069",
}


def name_text(value: Any, what: str, *, longest: int = _LONGEST_NAME) -> str:
    """Returns a name as it is kept: one line, trimmed, in one Unicode form.

    Raises:
        Refused: If it is no such text.
    """
    text = unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else ""
    if not text or len(text) > longest or not text.isprintable() or _TURNING & set(text):
        raise Refused(f"{what} {shown(value)}: expected one line of 1 to {longest} characters")
    return text


def method_text(value: Any) -> str:
    """Returns the description of a method.

    Raises:
        Refused: If it is no text, too long, or has characters that cannot be shown.
    """
    text = unicodedata.normalize("NFC", value).strip() if isinstance(value, str) else None
    if text is None or len(text) > _LONGEST_METHOD:
        raise Refused(f"method: expected text of at most {_LONGEST_METHOD} characters")
    text = text.replace("\r\n", "\n")
    if not all(c in "\n\t" or c.isprintable() for c in text) or _TURNING & set(text):
        raise Refused("method: has characters that cannot be shown")
    return text


def links_list(value: Any) -> list[str]:
    """Returns the addresses that belong to a submission; they are shown, and never opened here.

    Raises:
        Refused: If they are no list of a few https addresses.
    """
    if not isinstance(value, list) or len(value) > _MOST_LINKS:
        raise Refused(f"links: expected a list of at most {_MOST_LINKS} addresses")
    for link in value:
        if not isinstance(link, str) or not _is_link(link):
            raise Refused(
                f"link {shown(link)}: expected an address that begins with https://, of at most "
                f"{_LONGEST_LINK} characters"
            )
    return list(value)


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
        named = bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and not set(' "<>\\^`{|}') & set(text)
    return parts.scheme == "https" and named and plain and len(text) <= _LONGEST_LINK


def label_values(value: Any) -> dict[str, Any] | None:
    """Returns what `submission.json` says of a submission; None where there was none.

    Raises:
        Refused: If it is no such label.
    """
    if value is None:
        return None
    try:
        label = {
            "model": name_text(value["model"], "label's model", longest=_LONGEST_JOINED),
            "mouse": name_text(value["mouse"], "label's mouse", longest=_LONGEST_JOINED),
            "provenance": value["provenance"],
        }
        if not isinstance(label["provenance"], Mapping):
            raise TypeError("no mapping")
        if len(json.dumps(label, allow_nan=False)) > _LONGEST_LABEL:
            raise ValueError("too long")
    except (TypeError, KeyError, ValueError, RecursionError) as e:
        if isinstance(e, Refused):
            raise
        raise Refused("label: expected what submission.json says: model, mouse, provenance") from e
    return label
