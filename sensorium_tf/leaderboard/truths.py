"""The ground truths of phases, in versions, and the files that are stored."""

import os
import tempfile
from pathlib import Path

from sqlalchemy import Connection, func, insert, select

from sensorium_tf.io import expand
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.competitions import Phase
from sensorium_tf.leaderboard.database import insert_missing
from sensorium_tf.leaderboard.tables import blobs, truths
from sensorium_tf.scoring.formats import format_of


def add_truth(board: Board, phase: Phase, path: str | os.PathLike) -> int:
    """Adds a version of a phase's ground truth; what was scored before keeps its own.

    Beside it, its outline is kept: trials, images and neurons without responses, which is all that
    a phase needs before it is revealed.

    Returns:
        The version, from 1.

    Raises:
        SensoriumError: If the file is no ground truth.
    """
    path = expand(path)
    with tempfile.TemporaryDirectory(prefix="sensorium-truth-") as folder:
        outline = Path(folder) / "outline"
        format_of(phase.challenge).write_outline(path, outline, challenge=phase.challenge)
        stored = [board.blobs.put_file(each) for each in (path, outline)]
    with board.database.write() as connection:
        for sha256, size in stored:
            add_blob(board, connection, sha256, size)
        newest = select(func.max(truths.c.version)).where(truths.c.phase_id == phase.id)
        version = (connection.execute(newest).scalar() or 0) + 1
        connection.execute(
            insert(truths).values(
                phase_id=phase.id,
                version=version,
                sha256=stored[0][0],
                outline_sha256=stored[1][0],
                created_at=board.now(),
            )
        )
        board.note(connection, None, "truth", f"{phase.track} {phase.tier}", version=version)
    return version


def add_blob(board: Board, connection: Connection, sha256: str, size: int) -> None:
    """Writes down that a file is stored, unless it is known already; whoever removes it waits.

    Raises:
        Refused: If it was removed meanwhile, as nothing had named it.
    """
    insert_missing(connection, blobs, sha256=sha256, size=size, created_at=board.now())
    row = select(blobs.c.sha256).where(blobs.c.sha256 == sha256).with_for_update()
    if connection.execute(row).first() is None or not board.blobs.has(sha256):
        raise Refused("the same file was just being removed: send it again", 503)
