"""Asks a leaderboard's API, with the standard library alone."""

import dataclasses
import http.client
import json
import string
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.leaderboard.settings import MIB

_ATTEMPTS = 8
_TIMEOUT_SECONDS = 60
_LARGEST_ANSWER = 32 * MIB
# Of the codes of HTTP: what may succeed when it is tried again.
_AGAIN = {408, 429, 500, 502, 503, 504}
_LONGEST_WAIT = 60
_OF_TOKENS = f"{string.ascii_letters}{string.digits}_-.~+/="


class Unreachable(SensoriumError):  # noqa: N818 - as ConnectionError is not ours
    """The server cannot be reached, or does not answer."""


class Denied(SensoriumError):  # noqa: N818 - an answer of the server
    """The server refuses; its own text says why.

    Args:
        text: Of the server.
        status: Of HTTP.
    """

    def __init__(self, text: str, status: int):
        super().__init__(text)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Client:
    """A leaderboard, as whoever has a token sees it.

    Attributes:
        server: Its address, such as `https://board.example.org`.
        token: Secret; None to read what is public.
        sleep: Waits so many seconds.
    """

    server: str
    token: str | None = dataclasses.field(default=None, repr=False)
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self):
        parts = urllib.parse.urlsplit(self.server)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SensoriumError(f"server {self.server!r}: expected http(s)://host")
        if self.token is not None:
            object.__setattr__(self, "token", self.token.strip())
            if not self.token or {*self.token} - {*_OF_TOKENS}:
                raise SensoriumError("the token is none: copy it again, whole, from the page /me")
            if parts.scheme == "http" and not _is_near(self.server):
                raise SensoriumError(f"{self.server}: a token is sent over https:// only")

    def call(
        self,
        method: str,
        path: str,
        *,
        values: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, Mapping[str, str]]:
        """Asks the server; what may succeed later is tried again for a while.

        Returns:
            The JSON values of the answer, and its headers.

        Raises:
            Denied: If the server refuses.
            Unreachable: If it cannot be reached.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return self._ask(method, path, values, content, headers)
            except Unreachable:
                if attempt == _ATTEMPTS - 1:
                    raise
                self.sleep(min(2**attempt, _LONGEST_WAIT))
        raise AssertionError("unreachable")

    def _ask(self, method, path, values, content, headers) -> tuple[Any, Mapping[str, str]]:
        sent = {"Accept": "application/json", **(headers or {})}
        if values is not None:
            content = json.dumps(values).encode()
            sent["Content-Type"] = "application/json"
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        url = f"{self.server.rstrip('/')}/api/v1{path}"
        request = urllib.request.Request(url, data=content, headers=sent, method=method)
        try:
            opener = _NEAR_OPENER if _is_near(self.server) else _OPENER
            with opener.open(request, timeout=_TIMEOUT_SECONDS) as reply:
                return _values(reply.read(_LARGEST_ANSWER)), reply.headers
        except urllib.error.HTTPError as e:
            text = _error_text(e)
            if e.code in _AGAIN - {429} or (e.code == 429 and _is_soon(e)):
                raise Unreachable(f"{self.server}: {text}") from e
            raise Denied(f"{self.server}: {text}", e.code) from e
        except (OSError, http.client.HTTPException) as e:
            reason = getattr(e, "reason", e)
            raise Unreachable(f"{self.server}: cannot be reached: {one_line(reason)}") from e


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token is for the server that was named, and no other."""

    def redirect_request(self, *_):
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)
# What stays on this machine needs no proxy, which would see the token.
_NEAR_OPENER = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def _is_near(server: str) -> bool:
    return urllib.parse.urlsplit(server).hostname in ("localhost", "127.0.0.1", "::1")


def _values(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError as e:
        raise Unreachable("the answer is no JSON: is this a leaderboard's address?") from e


def _error_text(error: urllib.error.HTTPError) -> str:
    try:
        return one_line(SensoriumError(json.loads(error.read(MIB))["error"]))
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return f"{error.code} {error.reason}"


def _is_soon(error: urllib.error.HTTPError) -> bool:
    after = error.headers.get("Retry-After", "")
    return after.isdecimal() and int(after) <= _LONGEST_WAIT
