"""What waits to be scored: claimed by one worker at a time, for as long as it shows that it lives.

The queue is the table `evaluations`. A worker's lease ends by itself, so that nothing stays running
for ever; a result counts only while the lease is the worker's own.
"""

import dataclasses
import datetime
import secrets
from collections.abc import Mapping

import numpy as np
from sqlalchemy import Connection, and_, func, insert, or_, select, update

from sensorium_tf.challenges import challenge_of
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.child import Result
from sensorium_tf.leaderboard.tables import (
    competitions,
    evaluations,
    neuron_scores,
    phases,
    scores,
    submission_files,
    tracks,
    truths,
)
from sensorium_tf.leaderboard.versions import SCORER

#: Seconds after which a worker that says nothing has lost its work.
LEASE_SECONDS = 60
#: How often something is tried that ends without a result.
MOST_ATTEMPTS = 3

QUEUED, RUNNING, DONE, FAILED = "queued", "running", "done", "failed"
SCORE, CHECK = "score", "check"


class LeaseLost(Exception):  # noqa: N818 - no error: another worker does it
    """The work is no longer this worker's."""


@dataclasses.dataclass(frozen=True)
class Work:
    """One file to score.

    Attributes:
        id: Of the evaluation.
        lease: Shows that it is this worker's.
        attempt: Which one it is, from 1.
        kind: `score` or `check`.
        challenge: By name.
        rules: The challenge's track.
        file_name: What to call the file.
        submission_sha256: Of the file.
        truth_sha256: Of the ground truth or, for a check, of its outline.
    """

    id: int
    lease: str
    attempt: int
    kind: str
    challenge: str
    rules: str
    file_name: str
    submission_sha256: str
    truth_sha256: str


def enqueue(
    board: Board, connection: Connection, *, submission_id: str, phase_id: int, kind: str
) -> bool:
    """Adds a file to the queue, to be scored with the phase's newest truth.

    Returns:
        Whether it was added: not if it is there already, or there is no truth yet.
    """
    newest = (
        select(truths.c.id)
        .where(truths.c.phase_id == phase_id)
        .order_by(truths.c.version.desc())
        .limit(1)
    )
    truth_id = connection.execute(newest).scalar()
    if truth_id is None:
        return False
    values = {
        "submission_id": submission_id,
        "truth_id": truth_id,
        "kind": kind,
        "scorer": SCORER,
    }
    same = and_(*(evaluations.c[name] == value for name, value in values.items()))
    if connection.execute(select(evaluations.c.id).where(same)).first() is not None:
        return False
    connection.execute(
        insert(evaluations).values(
            phase_id=phase_id, state=QUEUED, attempts=0, created_at=board.now(), **values
        )
    )
    return True


def retry_lost(connection: Connection, phase_id: int) -> int:
    """Puts what was tried in vain back into the queue, its cause mended; returns how much."""
    lost = update(evaluations).where(
        evaluations.c.phase_id == phase_id,
        evaluations.c.state == FAILED,
        evaluations.c.attempts >= MOST_ATTEMPTS,
    )
    again = {"state": QUEUED, "attempts": 0, "error": None, "finished_at": None}
    return connection.execute(lost.values(again)).rowcount


def claim(board: Board) -> Work | None:
    """Takes the oldest work that nobody has; returns None if there is none.

    What was tried before comes after what was not: it holds up nothing.
    """
    now = board.now()
    until = now + datetime.timedelta(seconds=LEASE_SECONDS)
    with board.database.write() as connection:
        _give_up(connection, now)
        waiting = (
            select(evaluations.c.id)
            .where(or_(evaluations.c.state == QUEUED, _expired(now)))
            .order_by(evaluations.c.attempts, evaluations.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        taken = connection.execute(
            update(evaluations)
            .where(evaluations.c.id == waiting.scalar_subquery())
            .values(
                state=RUNNING,
                lease=secrets.token_hex(16),
                leased_until=until,
                attempts=evaluations.c.attempts + 1,
            )
            .returning(
                evaluations.c.id,
                evaluations.c.lease,
                evaluations.c.attempts,
                evaluations.c.kind,
                evaluations.c.submission_id,
                evaluations.c.phase_id,
                evaluations.c.truth_id,
            )
        ).first()
        if taken is None:
            return None
        files = connection.execute(
            select(
                competitions.c.challenge,
                tracks.c.rules,
                phases.c.tier,
                submission_files.c.sha256,
                truths.c.sha256.label("truth"),
                truths.c.outline_sha256,
            )
            .join_from(phases, tracks)
            .join(competitions)
            .join(submission_files, submission_files.c.phase_id == phases.c.id)
            .join(truths, truths.c.id == taken.truth_id)
            .where(
                phases.c.id == taken.phase_id,
                submission_files.c.submission_id == taken.submission_id,
            )
        ).one()
    return Work(
        id=taken.id,
        lease=taken.lease,
        attempt=taken.attempts,
        kind=taken.kind,
        challenge=files.challenge,
        rules=files.rules,
        file_name=f"submission_{files.tier}{challenge_of(files.challenge).file_suffix}",
        submission_sha256=files.sha256,
        truth_sha256=files.truth if taken.kind == SCORE else files.outline_sha256,
    )


def heartbeat(board: Board, work: Work) -> bool:
    """Extends a lease; returns False if it is no longer the worker's."""
    until = board.now() + datetime.timedelta(seconds=LEASE_SECONDS)
    with board.database.write() as connection:
        changed = connection.execute(
            update(evaluations).where(_ours(work)).values(leased_until=until)
        )
        return changed.rowcount == 1


def finish(board: Board, work: Work, result: Result) -> None:
    """Writes a result down: the scores, or what is wrong with the file.

    Raises:
        LeaseLost: If the work is no longer the worker's; nothing is written then.
    """
    state = DONE if result.error is None else FAILED
    with board.database.write() as connection:
        _end(connection, work, state=state, error=result.error, finished_at=board.now())
        if result.error is None:
            _write_scores(connection, work.id, result.summary, result.per_neuron)


def give_back(board: Board, work: Work, *, counts: bool = True) -> None:
    """Puts work that ended without a result back into the queue, unless it was tried enough.

    Args:
        board: The leaderboard.
        work: What was claimed.
        counts: Whether it was an attempt: not if the worker was told to stop.

    Raises:
        LeaseLost: If the work is no longer the worker's.
    """
    with board.database.write() as connection:
        if not counts:
            _end(connection, work, state=QUEUED, attempts=work.attempt - 1)
        elif work.attempt < MOST_ATTEMPTS:
            _end(connection, work, state=QUEUED)
        else:
            _end(connection, work, state=FAILED, error=_reference(work.id), finished_at=board.now())


def counts(connection: Connection) -> dict[str, int]:
    """Returns how many evaluations are in each state."""
    found = connection.execute(
        select(evaluations.c.state, func.count()).group_by(evaluations.c.state)
    )
    return dict.fromkeys((QUEUED, RUNNING, DONE, FAILED), 0) | dict(found.tuples().all())


def _expired(now: datetime.datetime):
    return and_(evaluations.c.state == RUNNING, evaluations.c.leased_until <= now)


def _ours(work: Work):
    return and_(
        evaluations.c.id == work.id,
        evaluations.c.state == RUNNING,
        evaluations.c.lease == work.lease,
    )


def _give_up(connection: Connection, now: datetime.datetime) -> None:
    """Ends what workers have begun and lost too often."""
    lost = connection.execute(
        select(evaluations.c.id)
        .where(_expired(now), evaluations.c.attempts >= MOST_ATTEMPTS)
        .with_for_update(skip_locked=True)
    )
    for (lost_id,) in lost.all():
        connection.execute(
            update(evaluations)
            .where(evaluations.c.id == lost_id)
            .values(state=FAILED, error=_reference(lost_id), finished_at=now, lease=None)
        )


def _end(connection: Connection, work: Work, **values) -> None:
    changed = connection.execute(
        update(evaluations).where(_ours(work)).values(lease=None, leased_until=None, **values)
    )
    if changed.rowcount != 1:
        raise LeaseLost


def _reference(evaluation_id: int) -> str:
    return (
        f"it could not be scored, by no fault that we know of: tell the organisers number "
        f"E{evaluation_id}"
    )


def _write_scores(
    connection: Connection,
    evaluation_id: int,
    summary: Mapping,
    per_neuron: Mapping[str, np.ndarray],
) -> None:
    for metric, interval in summary.get("intervals", {}).items():
        low, high = interval or (None, None)
        connection.execute(
            insert(scores).values(
                evaluation_id=evaluation_id,
                metric=metric,
                value=summary[metric],
                low=low,
                high=high,
                n_neurons=summary.get(f"{metric}_neurons"),
                reason=summary.get(f"{metric}_reason"),
            )
        )
    for metric, values in per_neuron.items():
        content = values.astype("<f8").tobytes()
        connection.execute(
            insert(neuron_scores).values(evaluation_id=evaluation_id, metric=metric, values=content)
        )
