"""Sends a submission to a leaderboard and waits for its scores, with the standard library alone.

The files are checked here first, with the code that the server runs. An upload that was cut off
goes on where it stopped, also in another process.
"""

import contextlib
import gzip
import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sensorium_tf.challenges import DEFAULT
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.leaderboard.client import Client, Denied
from sensorium_tf.leaderboard.settings import MIB
from sensorium_tf.scoring import read_label
from sensorium_tf.scoring.files import PREDICTION
from sensorium_tf.scoring.rows import Rows

_POLL_SECONDS = 2.0


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
    baseline: bool = False,
    progress: Callable[[str, int, int], None] = lambda tier, done, total: None,
) -> dict[str, Any]:
    """Uploads files and submits them; returns the receipt.

    Args:
        client: The server.
        files: Tier to file.
        track: Name of the track there.
        name: Of the submission.
        team: By name; may be left out by whoever is in one alone.
        method: How it was made.
        links: Addresses of paper and code.
        baseline: Whether it is shown and not ranked; organisers only.
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
        values |= {"links": list(links), "is_baseline": baseline}
        return client.call("POST", "/submissions", values=values)[0]
    except Denied:
        for upload_id in uploads.values():
            with contextlib.suppress(SensoriumError):
                client.call("DELETE", f"/uploads/{upload_id}")
        raise


def finish(
    client: Client, receipt: Mapping[str, Any], *, publish: bool = False, wait: bool = True
) -> dict[str, Any]:
    """Returns a submission, once everything of it is scored, checked or failed.

    Args:
        client: The server.
        receipt: As of `submit`.
        publish: Whether to show the submission to everybody, if nothing of it failed.
        wait: Whether to wait; else the submission is returned as it is.

    Raises:
        SensoriumError: If a file of it failed, with what is wrong.
    """
    path = f"/submissions/{receipt['submission']}"
    while True:
        submission, _ = client.call("GET", path)
        states = [phase.get("state") for phase in submission["phases"].values()]
        if not wait or all(state in ("done", "failed") for state in states):
            break
        client.sleep(_POLL_SECONDS)
    for phase in submission["phases"].values():
        if phase.get("state") == "failed":
            raise SensoriumError(f"{phase['tier']}: {phase['error']}")
    return client.call("POST", f"{path}/publish")[0] if publish else submission


def _pack(path: Path, packed: BinaryIO) -> tuple[str, int]:
    """Writes a file in gzip, equal for equal content; returns its hash and size."""
    # Digits get hardly smaller at higher levels, which take two to eight times as long.
    with path.open("rb") as file, gzip.GzipFile("", "wb", 2, packed, mtime=0) as target:
        while piece := file.read(MIB):
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
