"""Uploads a submission to a leaderboard, with the standard library alone.

The files are checked here first, with the code that the server runs. An upload that was cut off
goes on where it stopped, also in another process.
"""

import contextlib
import dataclasses
import gzip
import hashlib
import http.client
import json
import os
import string
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sensorium_tf.challenges import DEFAULT
from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.io import expand
from sensorium_tf.scoring import read_label
from sensorium_tf.scoring.files import PREDICTION
from sensorium_tf.scoring.rows import Rows

_ATTEMPTS = 8
_TIMEOUT_SECONDS = 60
_POLL_SECONDS = 2.0
_PIECE = 1 << 20
_LARGEST_ANSWER = 32 << 20
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


def submission_files(place: str | os.PathLike) -> dict[str, Path]:
    """Returns the files of a submission by tier: those in a folder, or a single file.

    Raises:
        SensoriumError: If there are none.
    """
    place = expand(place)
    named = {place / name: tier for tier, name in DEFAULT.test_tiers.items()}
    if place.is_dir():
        found = {tier: path for path, tier in named.items() if path.is_file()}
    else:
        tiers = {name: tier for tier, name in DEFAULT.test_tiers.items()}
        found = {tiers.get(place.name, next(iter(DEFAULT.test_tiers))): place}
    if not found:
        names = " and ".join(DEFAULT.test_tiers.values())
        raise SensoriumError(f"{place}: has neither {names}: see submit.py")
    return found


def check(path: Path) -> tuple[int, int]:
    """Reads a submission as the server does; returns its numbers of trials and of neurons.

    Raises:
        SensoriumError: If it is not what it should be.
    """
    n_trials, n_neurons = 0, 0
    for _, _, values, _ in Rows(path, PREDICTION):
        n_trials, n_neurons = n_trials + 1, len(values)
    return n_trials, n_neurons


def submit(
    client: Client,
    files: Mapping[str, Path],
    *,
    track: str,
    name: str,
    team: str | None = None,
    method: str = "",
    links: tuple[str, ...] = (),
    progress: Callable[[str, int, int], None] = lambda tier, done, total: None,
) -> dict[str, Any]:
    """Uploads files and submits them; returns the receipt.

    Args:
        client: The server.
        files: Tier to file.
        track: Name of the track there.
        name: Of the entry.
        team: By name; may be left out by whoever is in one alone.
        method: How it was made.
        links: Addresses of paper and code.
        progress: Told a tier, how many of its bytes are there, and how many there will be.

    Raises:
        SensoriumError: If the server refuses or cannot be reached.
    """
    uploads: dict[str, str] = {}
    where = {"track": track, **({} if team is None else {"team": team})}
    try:
        for tier, path in files.items():
            with tempfile.TemporaryFile() as packed:
                digest, length = _pack(path, packed)
                opened = _open(client, digest, length, {**where, "tier": tier})
                uploads[tier] = opened["id"]
                _send(client, packed, length, opened, progress)
        label = read_label(next(iter(files.values())))
        values = {**where, "name": name, "files": uploads, "method": method, "label": label}
        return client.call("POST", "/submissions", values={**values, "links": list(links)})[0]
    except Denied:
        for upload_id in uploads.values():
            with contextlib.suppress(SensoriumError):
                client.call("DELETE", f"/uploads/{upload_id}")
        raise


def finish(
    client: Client, receipt: Mapping[str, Any], *, publish: bool = False, wait: bool = True
) -> dict[str, Any]:
    """Returns an entry, once everything of it is scored, checked or failed.

    Args:
        client: The server.
        receipt: As of `submit`.
        publish: Whether to show the entry to everybody, if nothing of it failed.
        wait: Whether to wait; else the entry is returned as it is.

    Raises:
        SensoriumError: If a file of it failed, with what is wrong.
    """
    path = f"/submissions/{receipt['submission']}"
    while True:
        entry, _ = client.call("GET", path)
        states = [phase.get("state") for phase in entry["phases"].values()]
        if not wait or all(state in ("done", "failed") for state in states):
            break
        client.sleep(_POLL_SECONDS)
    for phase in entry["phases"].values():
        if phase.get("state") == "failed":
            raise SensoriumError(f"{phase['tier']}: {phase['error']}")
    return client.call("POST", f"{path}/publish")[0] if publish else entry


def _pack(path: Path, packed: BinaryIO) -> tuple[str, int]:
    """Writes a file in gzip, equal for equal content; returns its hash and size."""
    with path.open("rb") as file, gzip.GzipFile("", "wb", 6, packed, mtime=0) as target:
        while piece := file.read(_PIECE):
            target.write(piece)
    packed.seek(0)
    digest = hashlib.file_digest(packed, "sha256").hexdigest()
    return digest, packed.seek(0, os.SEEK_END)


def _open(client: Client, digest: str, length: int, where: Mapping[str, str]) -> dict[str, Any]:
    """Returns the upload of a file, opened unless it is; those of its earlier content are ended."""
    known = client.call("GET", "/uploads")[0]["uploads"]
    of_place = [
        each for each in known if all(each[name] == where[name] for name in ("track", "tier"))
    ]
    same = [each for each in of_place if each["declared"] == digest]
    for each in of_place:
        if each not in same:
            client.call("DELETE", f"/uploads/{each['id']}")
    if same:
        return same[0]
    opening = {**where, "length": length, "encoding": "gzip", "sha256": digest}
    return client.call("POST", "/uploads", values=opening)[0]


def _send(
    client: Client,
    packed: BinaryIO,
    length: int,
    upload: Mapping[str, Any],
    progress: Callable[[str, int, int], None],
) -> None:
    """Sends what is not there yet."""
    path, at, largest = f"/uploads/{upload['id']}", upload["received"], upload["slice_bytes"]
    progress(upload["tier"], at, length)
    while at < length:
        packed.seek(at)
        headers = {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
        try:
            client.call("PATCH", path, content=packed.read(largest), headers=headers)
            at = min(at + largest, length)
        except Denied as e:
            # A slice whose answer was lost is there already.
            if e.status != 409:
                raise
            at = int(client.call("HEAD", path)[1]["Upload-Offset"])
        progress(upload["tier"], at, length)


def _values(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError as e:
        raise Unreachable("the answer is no JSON: is this a leaderboard's address?") from e


def _error_text(error: urllib.error.HTTPError) -> str:
    try:
        return one_line(SensoriumError(json.loads(error.read(_PIECE))["error"]))
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return f"{error.code} {error.reason}"


def _is_soon(error: urllib.error.HTTPError) -> bool:
    after = error.headers.get("Retry-After", "")
    return after.isdecimal() and int(after) <= _LONGEST_WAIT
