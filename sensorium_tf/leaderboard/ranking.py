"""Who is ahead: the submissions of a phase in their order."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, or_, select

from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.competitions import Phase
from sensorium_tf.leaderboard.queue import DONE, SCORE
from sensorium_tf.leaderboard.tables import (
    differences,
    evaluations,
    scores,
    submissions,
    teams,
    truths,
)
from sensorium_tf.metrics import metric_names


@dataclasses.dataclass(frozen=True)
class Score:
    """A mean over neurons, at full precision.

    Attributes:
        value: None where it is not defined.
        low: Lower end of its interval; None where there is none.
        high: Upper end.
        n_neurons: How many neurons count; None where all do.
        reason: Why there is no value.
    """

    value: float | None
    low: float | None
    high: float | None
    n_neurons: int | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns what is shown: four decimals."""
        shown = {name: rounded(getattr(self, name)) for name in ("value", "low", "high")}
        return {**shown, "n_neurons": self.n_neurons, "reason": self.reason}


@dataclasses.dataclass(frozen=True)
class Ranked:
    """A submission in a table.

    Attributes:
        rank: Shared by equal values; None for a baseline.
        id: Of the submission.
        name: Of the submission.
        team: By name.
        is_baseline: Whether it is shown and not ranked.
        accepted_at: When it was submitted.
        evaluation_id: Of its scores.
        truth_version: What it was scored with.
        scorer: By which version.
        scores: Metric to score.
        like_first: Whether it cannot be told from the first; None where that is not known yet.
    """

    rank: int | None
    id: str
    name: str
    team: str
    is_baseline: bool
    accepted_at: datetime.datetime
    evaluation_id: int
    truth_version: int
    scorer: str
    scores: Mapping[str, Score]
    like_first: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        names = [field.name for field in dataclasses.fields(self)]
        values = {name: getattr(self, name) for name in names if name != "evaluation_id"}
        return {
            **values,
            "accepted_at": self.accepted_at.isoformat(),
            "scores": {name: score.to_json() for name, score in self.scores.items()},
        }


@dataclasses.dataclass(frozen=True)
class Standings:
    """The tables of a phase.

    Attributes:
        phase: Of a track.
        groups: Standing to its submissions, in order; what nothing sets apart comes first.
    """

    phase: Phase
    groups: Mapping[str, Sequence[Ranked]]

    def to_json(self) -> dict[str, Any]:
        """Returns them as JSON values."""
        return {
            "track": self.phase.track,
            "phase": self.phase.name,
            "tier": self.phase.tier,
            "primary_metric": self.phase.primary_metric,
            "revealed": self.phase.is_revealed,
            "groups": [
                {"standing": standing, "submissions": [each.to_json() for each in group]}
                for standing, group in self.groups.items()
            ],
        }


def standings(connection: Connection, phase: Phase, *, also: str = "") -> Standings:
    """Returns the published submissions of a phase in their order, the same for whoever asks.

    Args:
        connection: Of the database.
        phase: Whose.
        also: A submission that is put among them though it is not published, for its own team.
    """
    if not phase.is_revealed:
        return Standings(phase, {})
    public = submissions.c.published_at.is_not(None)
    rows = latest_evaluations(connection, phase.id, or_(public, submissions.c.id == also))
    found = scores_of(connection, phase, [row.evaluation_id for row in rows])
    groups: dict[str, list[Ranked]] = {}
    for row in rows:
        groups.setdefault(row.standing, []).append(
            Ranked(
                rank=None,
                id=row.id,
                name=row.name,
                team=row.team,
                is_baseline=row.is_baseline,
                accepted_at=row.accepted_at,
                evaluation_id=row.evaluation_id,
                truth_version=row.version,
                scorer=row.scorer,
                scores=found.get(row.evaluation_id, {}),
            )
        )
    known = _differences(connection, phase)
    ordered = {
        standing: _ranked(groups[standing], phase.primary_metric, known)
        for standing in sorted(groups)
    }
    return Standings(phase, ordered)


def public_standings(board: Board, connection: Connection, phase: Phase) -> Standings:
    """Returns `standings`, kept until something public changes."""
    key = ("standings", phase.id)
    return board.cache.get(connection, key, lambda: standings(connection, phase))


def latest_evaluations(connection: Connection, phase_id: int, *conditions: Any) -> list[Any]:
    """Returns the newest finished evaluation in a phase of each submission not withdrawn."""
    rows = connection.execute(
        select(
            submissions.c.id,
            submissions.c.name,
            submissions.c.standing,
            submissions.c.is_baseline,
            submissions.c.accepted_at,
            teams.c.name.label("team"),
            evaluations.c.id.label("evaluation_id"),
            evaluations.c.scorer,
            truths.c.version,
        )
        .join_from(evaluations, submissions)
        .join(teams)
        .join(truths, truths.c.id == evaluations.c.truth_id)
        .where(
            evaluations.c.phase_id == phase_id,
            evaluations.c.kind == SCORE,
            evaluations.c.state == DONE,
            submissions.c.withdrawn_at.is_(None),
            *conditions,
        )
        .order_by(truths.c.version, evaluations.c.id)
    )
    return list({row.id: row for row in rows}.values())


def scores_of(
    connection: Connection, phase: Phase, evaluation_ids: Sequence[int]
) -> dict[int, dict[str, Score]]:
    """Returns the scores of evaluations, by metric: what the phase ranks by comes first."""
    found: dict[int, dict[str, Score]] = {}
    for start in range(0, len(evaluation_ids), 500):
        some = evaluation_ids[start : start + 500]
        for row in connection.execute(select(scores).where(scores.c.evaluation_id.in_(some))):
            score = Score(row.value, row.low, row.high, row.n_neurons, row.reason)
            found.setdefault(row.evaluation_id, {})[row.metric] = score
    order = [phase.primary_metric, *metric_names(phase.challenge)]
    return {
        each: {name: of_it[name] for name in dict.fromkeys([*order, *of_it]) if name in of_it}
        for each, of_it in found.items()
    }


def first_of(group: Sequence[Ranked]) -> Ranked | None:
    """Returns the first submission that is ranked."""
    return next((each for each in group if each.rank == 1), None)


def rounded(value: float | None) -> float | None:
    """Returns a number as it is shown."""
    return None if value is None else round(value, 4)


def _ranked(
    group: Sequence[Ranked], metric: str, known: Mapping[tuple[int, int], bool]
) -> list[Ranked]:
    def value(each: Ranked) -> float:
        score = each.scores.get(metric)
        return float("-inf") if score is None or score.value is None else score.value

    ordered = sorted(group, key=lambda each: (-value(each), each.accepted_at, each.id))
    ranked, last, n_before = [], None, 0
    for each in ordered:
        if each.is_baseline:
            ranked.append(each)
            continue
        rank = last.rank if last is not None and value(last) == value(each) else n_before + 1
        last = dataclasses.replace(each, rank=rank)
        ranked.append(last)
        n_before += 1
    first = first_of(ranked)
    if first is None:
        return ranked
    return [
        each
        if each is first
        else dataclasses.replace(
            each, like_first=known.get((each.evaluation_id, first.evaluation_id))
        )
        for each in ranked
    ]


def _differences(connection: Connection, phase: Phase) -> dict[tuple[int, int], bool]:
    """Returns whether the interval of each known difference includes 0."""
    rows = connection.execute(
        select(differences)
        .join(evaluations, evaluations.c.id == differences.c.evaluation_id)
        .where(evaluations.c.phase_id == phase.id, differences.c.metric == phase.primary_metric)
    )
    return {
        (row.evaluation_id, row.reference_id): row.low is not None and row.low <= 0 <= row.high
        for row in rows
    }
