"""Sends a submission to a leaderboard and waits for its scores, with the standard library alone.

The files are checked here first, with the code that the server runs. An upload that was cut off
goes on where it stopped, also in another process.
"""

import contextlib
import dataclasses
import gzip
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from sensorium_tf.challenges import DEFAULT, Challenge, challenge_of
from sensorium_tf.config import hint
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.leaderboard.client import Client, Denied
from sensorium_tf.leaderboard.settings import MIB
from sensorium_tf.reading import open_regular
from sensorium_tf.scoring import read_label
from sensorium_tf.scoring.formats import format_of
from sensorium_tf.specs import Track

_POLL_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class TrackThere:
    """A track of a leaderboard, as its server describes it.

    Attributes:
        challenge: Of its competition.
        rules: The challenge's track.
    """

    challenge: Challenge
    rules: Track


def track_there(client: Client, name: str) -> TrackThere:
    """Asks a server what a track of it is.

    Args:
        client: The server.
        name: Of the track there.

    Raises:
        SensoriumError: If there is no such track, or it is of a challenge that is not known here.
    """
    competitions = client.call("GET", "/competitions")[0]["competitions"]
    known = {track["name"]: (each, track) for each in competitions for track in each["tracks"]}
    if name not in known:
        raise SensoriumError(f"track {name!r}: {hint(name, known) if known else 'there is none'}")
    competition, track = known[name]
    challenge = challenge_of(competition["challenge"])
    return TrackThere(challenge, challenge.track(track["rules"]))


def submission_files(
    place: str | os.PathLike, challenge: Challenge = DEFAULT, track: Track | None = None
) -> dict[str, Path]:
    """Returns the files of a submission by tier: those in a folder, or a single file.

    Args:
        place: Folder or file. A file of another name than the challenge's is the live one.
        challenge: Says what files are called.
        track: Of the challenge, whose tiers are looked for; its first if left out.

    Raises:
        SensoriumError: If there are none, or the file is another track's.
    """
    place = expand(place)
    track = track or challenge.track(challenge.default_track)
    names = {tier: challenge.test_tiers[tier] for tier in track.phases.values()}
    if place.is_dir():
        found = {tier: place / name for tier, name in names.items() if (place / name).is_file()}
    else:
        tiers = {name: tier for tier, name in challenge.test_tiers.items()}
        tier = tiers.get(place.name, track.live_tier)
        if tier not in names:
            raise SensoriumError(
                f"{place}: is of {tier}, and track {track.name} of {' and '.join(names)}"
            )
        found = {tier: place}
    if not found:
        raise SensoriumError(f"{place}: has neither {' nor '.join(names.values())}: see submit.py")
    return found


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
    challenge: Challenge = DEFAULT,
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
        challenge: Whose files they are.
        progress: Told a tier, how many of its bytes are there, and how many there will be.

    Raises:
        SensoriumError: If the server refuses or cannot be reached.
    """
    uploads: dict[str, str] = {}
    where = {"track": track, **({} if team is None else {"team": team})}
    encoding = "identity" if format_of(challenge).is_compressed else "gzip"
    try:
        for tier, path in files.items():
            with _packed(path, encoding) as packed:
                digest = hashlib.file_digest(packed, "sha256").hexdigest()
                length = packed.seek(0, os.SEEK_END)
                opening = {**where, "tier": tier, "length": length, "encoding": encoding}
                opened = _open(client, {**opening, "sha256": digest})
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


@contextlib.contextmanager
def _packed(path: Path, encoding: str) -> Iterator[BinaryIO]:
    """Opens a file as it is sent: in gzip, equal for equal content, or as it is."""
    with open_regular(path) as file:
        if encoding == "identity":
            yield file
            return
        with tempfile.TemporaryFile() as packed:
            # Digits get hardly smaller at higher levels, which take two to eight times as long.
            with gzip.GzipFile("", "wb", 2, packed, mtime=0) as target:
                while piece := file.read(MIB):
                    target.write(piece)
            packed.seek(0)
            yield packed


def _open(client: Client, opening: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the upload of a file, opened unless it is; those of its earlier content are ended."""
    known = client.call("GET", "/uploads")[0]["uploads"]
    of_place = [
        each for each in known if all(each[name] == opening[name] for name in ("track", "tier"))
    ]
    same = [each for each in of_place if each["declared"] == opening["sha256"]]
    for each in of_place:
        if each not in same:
            client.call("DELETE", f"/uploads/{each['id']}")
    if same:
        return same[0]
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
