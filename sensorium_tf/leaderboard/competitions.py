"""Competitions, their tracks and phases; reveal and rescore."""

import dataclasses
import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from sensorium_tf.challenges import CHALLENGES, DEFAULT
from sensorium_tf.config import hint
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.queue import CHECK, FAILED, SCORE, enqueue
from sensorium_tf.leaderboard.tables import (
    competitions,
    evaluations,
    phases,
    submission_files,
    submissions,
    tracks,
    truths,
)
from sensorium_tf.leaderboard.texts import name_text


@dataclasses.dataclass(frozen=True)
class Phase:
    """A part of a track: live, scored and shown at once; or final, scored when it is revealed.

    Attributes:
        id: Of the phase.
        track_id: Of its track.
        track: Slug of its track.
        rules: The challenge's track.
        primary_metric: What the track ranks by.
        name: `live` or `final`.
        tier: Whose responses it is about.
        is_final: Whether nothing is scored before `reveal`.
        opens_at: None for always.
        closes_at: None for never.
        grace: What the deadline forgives.
        revealed_at: When a final phase was revealed.
    """

    id: int
    track_id: int
    track: str
    rules: str
    primary_metric: str
    name: str
    tier: str
    is_final: bool
    opens_at: datetime.datetime | None
    closes_at: datetime.datetime | None
    grace: datetime.timedelta
    revealed_at: datetime.datetime | None

    @property
    def is_shown(self) -> bool:
        """Whether it shows scores."""
        return not self.is_final or self.revealed_at is not None

    def is_closed(self, now: datetime.datetime) -> bool:
        """Tells whether it is over: after its deadline and grace, or revealed."""
        late = self.closes_at is not None and now > self.closes_at + self.grace
        return late or self.revealed_at is not None

    def check_open(self, at: datetime.datetime) -> None:
        """Raises Refused unless an upload may be opened at some time."""
        if self.opens_at is not None and at < self.opens_at:
            raise Refused(f"{self.track}, {self.name}: opens at {self.opens_at:%Y-%m-%d %H:%M} UTC")
        if self.is_closed(at):
            raise Refused(f"{self.track}, {self.name}: is closed; the upload was opened too late")


def create_competition(
    board: Board,
    connection: Connection,
    slug: str,
    title: str,
    *,
    challenge: str = DEFAULT.name,
    closes_at: datetime.datetime | None = None,
    grace_minutes: int = 30,
    entries_a_day: int = 1,
    prefix: str = "",
) -> int:
    """Adds a competition with the tracks of a challenge, each with its live and final phase.

    Args:
        board: The leaderboard.
        connection: In a writing transaction.
        slug: In addresses.
        title: On pages.
        challenge: By name.
        closes_at: Deadline of both phases; None for none.
        grace_minutes: How much later an upload may still be opened.
        entries_a_day: Scored entries of a team, a day and track.
        prefix: Before the names of the tracks in addresses, which are unique.

    Raises:
        Refused: If there is no such challenge, or a name is taken.
    """
    # The service takes CSV files alone.
    known = [name for name, each in CHALLENGES.items() if each.file_format == "csv"]
    if challenge not in known:
        raise Refused(f"challenge {challenge!r}: {hint(challenge, known)}")
    rules = CHALLENGES[challenge]
    slugs = {name: f"{prefix}{name}" for name in rules.tracks}
    for table, names in ((competitions, [slug]), (tracks, slugs.values())):
        for name in names:
            _check_slug(name)
            if connection.execute(select(table.c.id).where(table.c.slug == name)).first():
                raise Refused(f"{name!r} is there already: choose another name", 409)
    competition_id = connection.execute(
        insert(competitions)
        .values(
            slug=slug, title=name_text(title, "title"), challenge=challenge, created_at=board.now()
        )
        .returning(competitions.c.id)
    ).scalar_one()
    for name, track in rules.tracks.items():
        track_id = connection.execute(
            insert(tracks)
            .values(
                competition_id=competition_id,
                slug=slugs[name],
                title=track.doc,
                rules=name,
                primary_metric=track.primary_metric,
                entries_a_day=entries_a_day,
            )
            .returning(tracks.c.id)
        ).scalar_one()
        live = next(iter(rules.test_tiers))
        for tier in rules.test_tiers:
            connection.execute(
                insert(phases).values(
                    track_id=track_id,
                    name="live" if tier == live else "final",
                    tier=tier,
                    is_final=tier != live,
                    closes_at=closes_at,
                    grace_seconds=grace_minutes * 60,
                )
            )
    board.note(connection, None, "competition", slug)
    return competition_id


def phase_list(connection: Connection, track: str | None = None) -> list[Phase]:
    """Returns all phases, or those of a track; live before final.

    Raises:
        Refused: If there is no such track.
    """
    query = select(phases, tracks.c.slug, tracks.c.rules, tracks.c.primary_metric).join(tracks)
    if track is not None:
        query = query.where(tracks.c.slug == track)
    found = [_phase(row) for row in connection.execute(query.order_by(tracks.c.id, phases.c.id))]
    if track is not None and not found:
        known = connection.execute(select(tracks.c.slug).order_by(tracks.c.id)).scalars().all()
        raise Refused(f"track {track!r}: {hint(track, known)}", 404)
    return found


def phase_of(connection: Connection, track: str, *, tier: str = "", name: str = "") -> Phase:
    """Returns the phase of a track by its tier, or by its name.

    Raises:
        Refused: If there is no such track or phase.
    """
    known = phase_list(connection, track)
    for phase in known:
        if phase.tier == tier or phase.name == name:
            return phase
    words = [phase.tier if tier else phase.name for phase in known]
    raise Refused(f"{track}: no {tier or name!r}: {hint(tier or name, words)}", 404)


def rescore(board: Board, phase: Phase, *, user_id: int | None = None) -> int:
    """Lets all entries of a phase be scored with its newest truth and the present scorer.

    The evaluations before stay. Before `reveal`, files of a final phase are checked again.

    Returns:
        How many evaluations were added.
    """
    kind = SCORE if phase.is_shown else CHECK
    with board.database.write() as connection:
        n_added = sum(
            enqueue(board, connection, submission_id=each, phase_id=phase.id, kind=kind)
            for each in _submission_ids(connection, phase)
        )
        board.note(connection, user_id, "rescore", f"{phase.track} {phase.tier}", added=n_added)
    return n_added


def reveal(board: Board, phase: Phase, *, user_id: int | None = None) -> int:
    """Ends a final phase and lets its files be scored, for the first time.

    A file that failed its check stays out, unless that was by an earlier ground truth.

    Returns:
        How many evaluations were added.

    Raises:
        Refused: If the phase is not final, or not over, or revealed already.
    """
    now = board.now()
    if not phase.is_final:
        raise Refused(f"{phase.track}, {phase.name}: is shown from the start")
    revealed = Refused(f"{phase.track}, {phase.name}: is revealed already", 409)
    if phase.revealed_at is not None:
        raise revealed
    if phase.closes_at is not None and not phase.is_closed(now):
        raise Refused(f"{phase.track}, {phase.name}: is open until {phase.closes_at:%F %H:%M} UTC")
    with board.database.write() as connection:
        changed = connection.execute(
            update(phases)
            .where(phases.c.id == phase.id, phases.c.revealed_at.is_(None))
            .values(revealed_at=now, closes_at=func.coalesce(phases.c.closes_at, now))
        )
        if changed.rowcount != 1:
            raise revealed
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


def _phase(row: Row[Any]) -> Phase:
    values = row._mapping
    return Phase(
        track=values["slug"],
        grace=datetime.timedelta(seconds=values["grace_seconds"]),
        **{
            field.name: values[field.name]
            for field in dataclasses.fields(Phase)
            if field.name not in ("track", "grace")
        },
    )


def _check_slug(text: str) -> None:
    if not text or not all(c.isascii() and (c.isalnum() or c in "_-") for c in text):
        raise Refused(f"{text!r}: expected a name of letters, digits, - and _")


def _failed_by_newest_truth(connection: Connection, phase: Phase) -> set[str]:
    """Returns the submissions of a phase that its newest ground truth says are wrong."""
    newest = select(func.max(truths.c.version)).where(truths.c.phase_id == phase.id)
    rows = connection.execute(
        select(evaluations.c.submission_id, evaluations.c.state)
        .join(truths)
        .where(evaluations.c.phase_id == phase.id, truths.c.version == newest.scalar_subquery())
        .order_by(evaluations.c.id)
    )
    last = dict(rows.tuples().all())
    return {each for each, state in last.items() if state == FAILED}


def _submission_ids(connection: Connection, phase: Phase) -> list[str]:
    found = connection.execute(
        select(submissions.c.id)
        .join(submission_files)
        .where(submission_files.c.phase_id == phase.id, submissions.c.withdrawn_at.is_(None))
        .order_by(submissions.c.accepted_at)
    )
    return list(found.scalars())
