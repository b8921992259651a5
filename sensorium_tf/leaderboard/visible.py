"""What there is to see of a submission, for whoever asks."""

from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, select

from sensorium_tf.leaderboard.access import Facts, Part, Viewer, may_see
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.competitions import Phase, phase_list
from sensorium_tf.leaderboard.differences import difference
from sensorium_tf.leaderboard.queue import DONE, FAILED, QUEUED, RUNNING, SCORE
from sensorium_tf.leaderboard.ranking import public_standings, rounded, scores_of, standings
from sensorium_tf.leaderboard.submissions import receipt
from sensorium_tf.leaderboard.tables import (
    evaluations,
    neuron_scores,
    submission_files,
    submissions,
    teams,
    tracks,
    truths,
)

_BINS = 20


def submission(board: Board, connection: Connection, viewer: Viewer, submission_id: str) -> dict:
    """Returns a submission, as far as a viewer may see it.

    Raises:
        Refused: If there is none, or the viewer may not know of it.
    """
    row = _row(connection, submission_id)
    known = [] if row is None else phase_list(connection, row.track)
    if row is None or not may_see(viewer, Part.DESCRIPTION, _facts(board, row)):
        raise Refused("submission: there is none of this id", 404)
    shown = {
        "id": row.id,
        "track": row.track,
        "name": row.name,
        "team": row.team,
        "method": row.method,
        "links": row.links,
        "label": row.label,
        "standing": row.standing,
        "is_baseline": row.is_baseline,
        "accepted_at": row.accepted_at.isoformat(),
        "published": row.published_at is not None,
        "withdrawn": row.withdrawn_at is not None,
        "receipt": receipt(connection, row.id),
        "phases": {},
    }
    for phase in known:
        found = _phase(board, connection, viewer, row, phase)
        if found is not None:
            shown["phases"][phase.name] = found
    return shown


def own_submissions(board: Board, connection: Connection, viewer: Viewer) -> list[dict[str, Any]]:
    """Returns the submissions of a viewer's teams, the newest first."""
    ids = connection.execute(
        select(submissions.c.id)
        .where(submissions.c.team_id.in_(viewer.teams))
        .order_by(submissions.c.accepted_at.desc())
    )
    return [submission(board, connection, viewer, each) for each in ids.scalars().all()]


def comparison(
    board: Board, connection: Connection, viewer: Viewer, first: str, second: str
) -> dict[str, Any]:
    """Returns the paired differences of two submissions, neuron by neuron: first - second.

    Raises:
        Refused: If there is no such submission, they are of different tracks, or have no scores by
            the same truth that the viewer may see.
    """
    rows = []
    for each in (first, second):
        submission(board, connection, viewer, each)
        rows.append(_row(connection, each))
    if rows[0].track != rows[1].track:
        raise Refused("the submissions are of different tracks, whose neurons differ")
    found: dict[str, Any] = {}
    for phase in phase_list(connection, rows[0].track):
        facts = [_facts(board, row, phase) for row in rows]
        if not all(may_see(viewer, Part.SCORES, each) for each in facts):
            continue
        latest = [_latest(connection, row.id, phase) for row in rows]
        if None in latest or latest[0].truth_id != latest[1].truth_id:
            continue
        neurons = all(may_see(viewer, Part.NEURONS, each) for each in facts)
        found[phase.name] = {
            metric: _difference(connection, latest, metric, neurons=neurons)
            for metric in scores_of(connection, phase, [latest[0].id]).get(latest[0].id, {})
        }
    if not found:
        raise Refused("the submissions have no scores by the same ground truth yet", 409)
    return {
        "track": rows[0].track,
        "first": {"id": rows[0].id, "name": rows[0].name, "team": rows[0].team},
        "second": {"id": rows[1].id, "name": rows[1].name, "team": rows[1].team},
        "phases": found,
    }


def _row(connection: Connection, submission_id: str) -> Row[Any] | None:
    return connection.execute(
        select(submissions, teams.c.name.label("team"), tracks.c.slug.label("track"))
        .join_from(submissions, teams)
        .join(tracks)
        .where(submissions.c.id == submission_id)
    ).first()


def _facts(board: Board, row: Row[Any], phase: Phase | None = None) -> Facts:
    return Facts(
        team_id=row.team_id,
        is_public=row.published_at is not None and row.withdrawn_at is None,
        is_revealed=phase is not None and phase.is_revealed,
        is_closed=phase is not None and phase.is_closed(board.now()),
    )


def _phase(
    board: Board, connection: Connection, viewer: Viewer, row: Row[Any], phase: Phase
) -> dict[str, Any] | None:
    """Returns what a viewer may see of a submission in a phase; None if it has no file there."""
    file = connection.execute(
        select(submission_files.c.sha256).where(
            submission_files.c.submission_id == row.id, submission_files.c.phase_id == phase.id
        )
    ).scalar()
    if file is None:
        return None
    facts = _facts(board, row, phase)
    found: dict[str, Any] = {"tier": phase.tier, "revealed": phase.is_revealed}
    if may_see(viewer, Part.STATE, facts):
        found |= _state(connection, row.id, phase)
    latest = _latest(connection, row.id, phase)
    if latest is None or not may_see(viewer, Part.SCORES, facts):
        return found
    scores = scores_of(connection, phase, [latest.id])[latest.id]
    found |= {
        "scores": {metric: score.to_json() for metric, score in scores.items()},
        "scorer": latest.scorer,
        "truth_version": latest.version,
        "rank": _rank(board, connection, phase, row),
    }
    if may_see(viewer, Part.NEURONS, facts):
        found["distributions"] = {
            metric: _histogram(_neurons(connection, latest.id, metric)) for metric in scores
        }
    return found


def _state(connection: Connection, submission_id: str, phase: Phase) -> dict[str, Any]:
    newest = connection.execute(
        select(evaluations.c.state, evaluations.c.error, evaluations.c.kind)
        .where(evaluations.c.submission_id == submission_id, evaluations.c.phase_id == phase.id)
        .order_by(evaluations.c.id.desc())
        .limit(1)
    ).one()
    checked = "checked, not scored" if phase.is_revealed else "checked, scored when it is revealed"
    words = {
        QUEUED: "waiting",
        RUNNING: "being scored" if newest.kind == SCORE else "being checked",
        DONE: "scored" if newest.kind == SCORE else checked,
        FAILED: "failed",
    }
    return {"state": newest.state, "says": words[newest.state], "error": newest.error}


def _latest(connection: Connection, submission_id: str, phase: Phase) -> Row[Any] | None:
    return connection.execute(
        select(evaluations.c.id, evaluations.c.scorer, evaluations.c.truth_id, truths.c.version)
        .join(truths, truths.c.id == evaluations.c.truth_id)
        .where(
            evaluations.c.submission_id == submission_id,
            evaluations.c.phase_id == phase.id,
            evaluations.c.kind == SCORE,
            evaluations.c.state == DONE,
        )
        .order_by(truths.c.version.desc(), evaluations.c.id.desc())
        .limit(1)
    ).first()


def _rank(board: Board, connection: Connection, phase: Phase, row: Row[Any]) -> int | None:
    if row.published_at is None:
        found = standings(connection, phase, also=row.id)
    else:
        found = public_standings(board, connection, phase)
    ranked = (each for group in found.groups.values() for each in group)
    return next((each.rank for each in ranked if each.id == row.id), None)


def _neurons(connection: Connection, evaluation_id: int, metric: str) -> np.ndarray:
    found = connection.execute(
        select(neuron_scores.c["values"]).where(
            neuron_scores.c.evaluation_id == evaluation_id, neuron_scores.c.metric == metric
        )
    ).scalar()
    return np.frombuffer(found or b"", "<f8")


def _difference(
    connection: Connection, latest: list[Row[Any]], metric: str, *, neurons: bool
) -> dict[str, Any] | None:
    found = difference(connection, latest[0].id, latest[1].id, metric)
    if found is None:
        return None
    shown = {name: rounded(found[name]) for name in ("value", "low", "high")}
    return {**shown, **({"distribution": _histogram(found["neurons"])} if neurons else {})}


def _histogram(values: np.ndarray) -> dict[str, Any]:
    """Returns how many neurons lie in each of equal bins: `{"edges", "counts"}`."""
    values = values[np.isfinite(values)]
    if not values.size:
        return {"edges": [], "counts": []}
    counts, edges = np.histogram(values, _BINS)
    return {"edges": [rounded(edge) for edge in edges.tolist()], "counts": counts.tolist()}
