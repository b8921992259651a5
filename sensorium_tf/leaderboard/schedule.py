"""What organisers do to phases: open, close, reveal, pause, score again."""

import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.competitions import Phase
from sensorium_tf.leaderboard.queue import CHECK, FAILED, MOST_ATTEMPTS, SCORE, enqueue, retry_lost
from sensorium_tf.leaderboard.tables import (
    competitions,
    evaluations,
    phases,
    submission_files,
    submissions,
    truths,
    uploads,
)


def set_deadline(
    board: Board,
    phase: Phase,
    closes_at: datetime.datetime,
    *,
    grace_minutes: int | None = None,
    user_id: int | None = None,
) -> None:
    """Changes when a phase closes, earlier or later than it was.

    Args:
        board: The leaderboard.
        phase: That is not revealed.
        closes_at: The new deadline.
        grace_minutes: What it forgives; None for as much as before.
        user_id: Who does it; None for the command line.

    Raises:
        Refused: If the phase is revealed, which ends it for good.
    """
    _change(board, phase, "deadline", _deadline(closes_at, grace_minutes), user_id)


def open_phase(
    board: Board,
    phase: Phase,
    *,
    closes_at: datetime.datetime | None = None,
    grace_minutes: int | None = None,
    user_id: int | None = None,
) -> None:
    """Opens a phase from now on.

    Args:
        board: The leaderboard.
        phase: That is not revealed.
        closes_at: Its deadline; None for none.
        grace_minutes: What that forgives; None for as much as before.
        user_id: Who does it; None for the command line.

    Raises:
        Refused: If the phase is revealed, or the deadline is over.
    """
    if closes_at is not None and closes_at <= board.now():
        raise Refused(f"{closes_at:%F %H:%M} UTC: is over: name a later deadline")
    values = {"opens_at": None, **_deadline(closes_at, grace_minutes)}
    _change(board, phase, "open", values, user_id)


def close_phase(board: Board, phase: Phase, *, user_id: int | None = None) -> None:
    """Closes a phase at once; raises Refused if it is revealed."""
    # Its grace ends now, and is the same again once the phase has another deadline.
    _change(board, phase, "close", {"closes_at": board.now() - phase.grace}, user_id)


def rescore(board: Board, phase: Phase, *, user_id: int | None = None) -> int:
    """Lets all submissions of a phase be scored with its newest truth and the present scorer.

    The evaluations before stay; those that ended without a result are tried again. Before `reveal`,
    files of a final phase are checked again.

    Returns:
        How many evaluations wait now.
    """
    kind = SCORE if phase.is_revealed else CHECK
    with board.database.write() as connection:
        n_added = sum(
            enqueue(board, connection, submission_id=each, phase_id=phase.id, kind=kind)
            for each in _submission_ids(connection, phase)
        )
        n_added += retry_lost(connection, phase.id)
        board.note(connection, user_id, "rescore", f"{phase.track} {phase.tier}", added=n_added)
    return n_added


def reveal(
    board: Board, phase: Phase, *, cut_uploads: bool = False, user_id: int | None = None
) -> int:
    """Ends a final phase and lets its files be scored, for the first time.

    A file that failed its check stays out, unless that was by an earlier ground truth.

    Args:
        board: The leaderboard.
        phase: That is final.
        cut_uploads: Whether uploads that were opened in time, and are not submitted yet, may be
            too late now.
        user_id: Who does it; None for the command line.

    Returns:
        How many evaluations were added.

    Raises:
        Refused: If the phase is not final, or not over, or revealed already, or uploads are open.
    """
    now = board.now()
    if not phase.is_final:
        raise Refused(f"{phase.track}, {phase.name}: is shown from the start")
    if phase.revealed_at is not None:
        raise _revealed(phase)
    if phase.closes_at is not None and not phase.is_closed(now):
        raise Refused(f"{phase.track}, {phase.name}: is open until {phase.closes_at:%F %H:%M} UTC")
    with board.database.write() as connection:
        changed = connection.execute(
            update(phases)
            .where(phases.c.id == phase.id, phases.c.revealed_at.is_(None))
            .values(revealed_at=now, closes_at=func.coalesce(phases.c.closes_at, now))
        )
        if changed.rowcount != 1:
            raise _revealed(phase)
        # Counted once nobody submits any more: who does so waits for this transaction.
        if not cut_uploads:
            _check_no_uploads(connection, phase, now)
        failed = _failed_by_newest_truth(connection, phase)
        n_added = sum(
            enqueue(board, connection, submission_id=each, phase_id=phase.id, kind=SCORE)
            for each in _submission_ids(connection, phase)
            if each not in failed
        )
        told = {"added": n_added, "left_out": len(failed)}
        board.note(connection, user_id, "reveal", f"{phase.track} {phase.tier}", **told)
    return n_added


def pause(board: Board, slug: str, *, paused: bool = True, user_id: int | None = None) -> None:
    """Stops a competition from taking submissions, or lets it go on."""
    with board.database.write() as connection:
        changed = connection.execute(
            update(competitions)
            .where(competitions.c.slug == slug)
            .values(paused_at=board.now() if paused else None)
        )
        if changed.rowcount != 1:
            raise Refused(f"competition {slug!r}: there is none of this name", 404)
        board.note(connection, user_id, "pause" if paused else "resume", slug)


def _deadline(closes_at: datetime.datetime | None, grace_minutes: int | None) -> dict[str, Any]:
    grace = {} if grace_minutes is None else {"grace_seconds": grace_minutes * 60}
    return {"closes_at": closes_at, **grace}


def _check_no_uploads(connection: Connection, phase: Phase, now: datetime.datetime) -> None:
    """Raises Refused while uploads of a phase can still be submitted."""
    used = select(submission_files.c.upload_id).where(submission_files.c.upload_id.is_not(None))
    n_open, until = connection.execute(
        select(func.count(), func.max(uploads.c.expires_at)).where(
            uploads.c.phase_id == phase.id,
            uploads.c.expires_at > now,
            uploads.c.id.not_in(used),
        )
    ).one()
    if n_open:
        raise Refused(
            f"{phase.track}, {phase.name}: {n_open} upload{'s are' if n_open > 1 else ' is'} open "
            f"until {until:%F %H:%M} UTC: reveal then, or cut uploads off now (--cut_uploads)",
            409,
        )


def _change(
    board: Board, phase: Phase, action: str, values: dict[str, Any], user_id: int | None
) -> None:
    with board.database.write() as connection:
        changed = connection.execute(
            update(phases)
            .where(phases.c.id == phase.id, phases.c.revealed_at.is_(None))
            .values(values)
        )
        if changed.rowcount != 1:
            raise _revealed(phase)
        closes_at = values["closes_at"]
        told = {"closes_at": None if closes_at is None else closes_at.isoformat()}
        board.note(connection, user_id, action, f"{phase.track} {phase.tier}", **told)


def _revealed(phase: Phase) -> Refused:
    return Refused(f"{phase.track}, {phase.name}: is revealed already", 409)


def _failed_by_newest_truth(connection: Connection, phase: Phase) -> set[str]:
    """Returns the submissions of a phase that its newest ground truth says are wrong."""
    newest = select(func.max(truths.c.version)).where(truths.c.phase_id == phase.id)
    rows = connection.execute(
        select(evaluations.c.submission_id, evaluations.c.state, evaluations.c.attempts)
        .join(truths)
        .where(evaluations.c.phase_id == phase.id, truths.c.version == newest.scalar_subquery())
        .order_by(evaluations.c.id)
    )
    last = {each: (state, attempts) for each, state, attempts in rows.tuples()}
    # One that was tried in vain is no worse than it was: its check is as good as not made.
    return {
        each
        for each, (state, attempts) in last.items()
        if state == FAILED and attempts < MOST_ATTEMPTS
    }


def _submission_ids(connection: Connection, phase: Phase) -> list[str]:
    found = connection.execute(
        select(submissions.c.id)
        .join(submission_files)
        .where(submission_files.c.phase_id == phase.id, submissions.c.withdrawn_at.is_(None))
        .order_by(submissions.c.accepted_at)
    )
    return list(found.scalars())
