"""Uploads in slices, which go on where they stopped."""

import dataclasses
import datetime
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from sensorium_tf.leaderboard import slices
from sensorium_tf.leaderboard.access import SUBMIT, Viewer
from sensorium_tf.leaderboard.board import Board, Refused, new_id
from sensorium_tf.leaderboard.competitions import phase_of
from sensorium_tf.leaderboard.inflation import inflated
from sensorium_tf.leaderboard.room import check_disk, check_team
from sensorium_tf.leaderboard.settings import MIB
from sensorium_tf.leaderboard.tables import (
    phases,
    submission_files,
    tracks,
    upload_parts,
    uploads,
    users,
)
from sensorium_tf.leaderboard.teams import choose_team
from sensorium_tf.leaderboard.truths import add_blob

#: How the bytes of an upload may be packed.
ENCODINGS = ("identity", "gzip")


@dataclasses.dataclass(frozen=True)
class Upload:
    """A file on its way.

    Attributes:
        id: In its address.
        track: Slug of the track that it is for.
        tier: Whose responses it predicts.
        length: Bytes that it will have.
        received: Bytes that are here.
        encoding: One of `ENCODINGS`.
        expires_at: When it is forgotten.
        declared: Hash that the bytes should have, as they are sent; None if it was not told.
        sha256: Of the content, unpacked, once all of it is here.
    """

    id: str
    track: str
    tier: str
    length: int
    received: int
    encoding: str
    expires_at: datetime.datetime
    declared: str | None
    sha256: str | None

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return {**dataclasses.asdict(self), "expires_at": self.expires_at.isoformat()}


def open_upload(
    board: Board,
    viewer: Viewer,
    *,
    track: str,
    tier: str,
    length: int,
    encoding: str = "identity",
    declared: str | None = None,
    team: str | None = None,
) -> Upload:
    """Opens an upload; the deadline is judged by when this is.

    Args:
        board: The leaderboard.
        viewer: Who uploads.
        track: Slug.
        tier: Whose responses the file predicts.
        length: Bytes that will be sent.
        encoding: One of `ENCODINGS`.
        declared: SHA-256 of the bytes as they are sent, which is then checked; with it an upload
            may go on after the deadline, as nothing else can come.
        team: By name; may be left out by whoever is in one alone.

    Raises:
        Refused: If it is too large, the phase is closed, or there is no room for it.
    """
    viewer.require(SUBMIT)
    limits = board.limits
    if encoding not in ENCODINGS:
        raise Refused(f"encoding {encoding!r}: expected {' or '.join(ENCODINGS)}")
    most = limits.gzip_bytes if encoding == "gzip" else limits.raw_bytes
    if declared is not None and not _is_digest(declared):
        raise Refused("sha256: expected 64 hexadecimal digits")
    if type(length) is not int or length < 1:
        raise Refused("length: expected the number of bytes that will be sent")
    if length > most:
        raise Refused(f"too large: a file may have {most / MIB:g} MiB in {encoding}", 413)
    check_disk(board, length, encoding)
    slices.forget_expired(board)
    now = board.now()
    with board.database.write() as connection:
        team_id = choose_team(connection, viewer, team)
        phase = phase_of(connection, track, tier=tier)
        phase.check_open(now)
        # Whoever opens two at once waits here.
        connection.execute(select(users.c.id).where(users.c.id == viewer.user_id).with_for_update())
        _check_open_uploads(board, connection, viewer)
        check_team(board, connection, team_id, length, encoding)
        upload_id = new_id()
        connection.execute(
            insert(uploads).values(
                id=upload_id,
                user_id=viewer.user_id,
                team_id=team_id,
                phase_id=phase.id,
                length=length,
                received=0,
                encoding=encoding,
                declared=declared,
                opened_at=now,
                expires_at=now + datetime.timedelta(hours=limits.upload_hours),
            )
        )
        return _upload(connection, viewer, upload_id, now)


def state(board: Board, viewer: Viewer, upload_id: str) -> Upload:
    """Returns how far an upload has come.

    Raises:
        Refused: If there is none of this id, or it is somebody else's.
    """
    viewer.require(SUBMIT)
    with board.database.read() as connection:
        return _upload(connection, viewer, upload_id, board.now())


def append(board: Board, viewer: Viewer, upload_id: str, start: int, content: bytes) -> Upload:
    """Adds a slice.

    Args:
        board: The leaderboard.
        viewer: Who opened the upload.
        upload_id: Of the upload.
        start: Where in the file the slice belongs: where the last one ended.
        content: Of the slice.

    Raises:
        Refused: If it belongs elsewhere, is too long, the phase is closed and the hash of the file
            was not told before, or the file is now complete and cannot be unpacked.
    """
    upload = state(board, viewer, upload_id)
    _check_slice(upload, start, content)
    _check_bound(board, upload)
    name = slices.new_name(upload_id, start)
    board.blobs.put_part(name, content)
    with board.database.write() as connection:
        end = start + len(content)
        changed = connection.execute(
            update(uploads)
            .where(uploads.c.id == upload_id, uploads.c.received == start)
            .values(received=end)
        )
        if changed.rowcount == 1:
            connection.execute(
                insert(upload_parts).values(
                    upload_id=upload_id, start=start, length=len(content), name=name
                )
            )
        upload = _upload(connection, viewer, upload_id, board.now())
    if changed.rowcount != 1:
        board.blobs.remove_part(name)
        raise _elsewhere(upload, start)
    return complete(board, viewer, upload_id) if upload.received == upload.length else upload


def complete(board: Board, viewer: Viewer, upload_id: str) -> Upload:
    """Puts the slices of an upload together, unless that is done.

    Raises:
        Refused: If slices are missing, or the file cannot be unpacked, which ends the upload.
    """
    upload = state(board, viewer, upload_id)
    if upload.sha256 is not None:
        return upload
    if upload.received < upload.length:
        raise Refused(f"upload {upload_id}: {upload.received} of {upload.length} bytes are here")
    with board.database.read() as connection:
        names = slices.names_of(connection, upload_id)
    pieces = (piece for name in names for piece in board.blobs.part_pieces(name))
    if upload.declared is not None:
        pieces = _checked(pieces, upload.declared)
    try:
        if upload.encoding == "gzip":
            pieces = inflated(pieces, board.limits)
        sha256, size = board.blobs.put(pieces)
    except Refused:
        cancel(board, viewer, upload_id)
        raise
    with board.database.write() as connection:
        add_blob(board, connection, sha256, size)
        connection.execute(update(uploads).where(uploads.c.id == upload_id).values(sha256=sha256))
        connection.execute(delete(upload_parts).where(upload_parts.c.upload_id == upload_id))
    for name in names:
        board.blobs.remove_part(name)
    return dataclasses.replace(upload, sha256=sha256)


def cancel(board: Board, viewer: Viewer, upload_id: str) -> None:
    """Forgets an upload; raises Refused if there is none of this id, or a submission has it."""
    state(board, viewer, upload_id)
    if not slices.forget(board, [upload_id]):
        raise Refused(f"upload {upload_id}: a submission has it, which can be withdrawn", 409)


def own_uploads(board: Board, viewer: Viewer) -> list[Upload]:
    """Returns the open uploads of a viewer, which no submission has yet."""
    viewer.require(SUBMIT)
    with board.database.read() as connection:
        ids = connection.execute(_open_of(board, viewer, uploads.c.id)).scalars().all()
        return [_upload(connection, viewer, each, board.now()) for each in ids]


def _is_digest(text: Any) -> bool:
    return isinstance(text, str) and len(text) == 64 and not {*text} - {*"0123456789abcdef"}


def _checked(pieces: Iterable[bytes], declared: str) -> Iterator[bytes]:
    """Yields the bytes of an upload; raises Refused at their end if they are not what was told."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.hexdigest() != declared:
        raise Refused("the bytes that came are not those that were announced: send them again")


def _open_of(board: Board, viewer: Viewer, *columns: Any) -> Select:
    used = select(submission_files.c.upload_id).where(submission_files.c.upload_id.is_not(None))
    return select(*columns).where(
        uploads.c.user_id == viewer.user_id,
        uploads.c.expires_at > board.now(),
        uploads.c.id.not_in(used),
    )


def _check_slice(upload: Upload, start: int, content: bytes) -> None:
    if start != upload.received:
        raise _elsewhere(upload, start)
    if not content:
        raise Refused("the slice is empty")
    if start + len(content) > upload.length:
        raise Refused(f"the slice ends behind the {upload.length} bytes of the upload", 413)


def _check_bound(board: Board, upload: Upload) -> None:
    if upload.declared is not None:
        return
    with board.database.read() as connection:
        phase = phase_of(connection, upload.track, tier=upload.tier)
    if phase.is_closed(board.now()):
        raise Refused(
            f"{phase.track}, {phase.name}: is {phase.state(board.now())}; uploads opened with "
            "their sha256 alone go on"
        )


def _elsewhere(upload: Upload, start: int) -> Refused:
    return Refused(f"Upload-Offset {start}: expected {upload.received}, where to go on", 409)


def _upload(
    connection: Connection, viewer: Viewer, upload_id: str, now: datetime.datetime
) -> Upload:
    own = [field.name for field in dataclasses.fields(Upload) if field.name in uploads.c]
    found = connection.execute(
        select(tracks.c.slug.label("track"), phases.c.tier, *(uploads.c[name] for name in own))
        .join_from(uploads, phases)
        .join(tracks)
        .where(
            uploads.c.id == upload_id,
            uploads.c.user_id == viewer.user_id,
            uploads.c.expires_at > now,
        )
    ).first()
    if found is None:
        raise Refused("upload: there is none of this id, or its time is over", 404)
    return Upload(**found._mapping)


def _check_open_uploads(board: Board, connection: Connection, viewer: Viewer) -> None:
    n_open = connection.execute(_open_of(board, viewer, func.count())).scalar_one()
    if n_open >= board.limits.open_uploads:
        raise Refused(
            f"{n_open} uploads are open, which is the most: finish or delete one of them", 429
        )
