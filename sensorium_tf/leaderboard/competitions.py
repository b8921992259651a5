"""Competitions, their tracks and phases."""

import dataclasses
import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from sensorium_tf.challenges import CHALLENGES, DEFAULT, Challenge, challenge_of
from sensorium_tf.config import hint
from sensorium_tf.errors import shown
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.tables import competitions, phases, tracks
from sensorium_tf.leaderboard.texts import name_text

#: What a deadline forgives unless the organisers say otherwise.
GRACE_MINUTES = 30
_YEARS = range(2000, 2200)


def time_of(text: str) -> datetime.datetime:
    """Returns the time that organisers write, such as 2026-10-15T12:00, in UTC unless they say.

    Raises:
        Refused: If it is none, or so far away that nobody can mean it.
    """
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        found = datetime.datetime.min
    if found.year not in _YEARS:
        raise Refused(f"{shown(text)}: expected a time in UTC, such as 2026-10-15T12:00")
    return found.astimezone(datetime.UTC) if found.tzinfo else found.replace(tzinfo=datetime.UTC)


@dataclasses.dataclass(frozen=True)
class Phase:
    """A part of a track: live, scored and shown at once; or final, scored when it is revealed.

    Attributes:
        id: Of the phase.
        track_id: Of its track.
        track: Slug of its track.
        challenge: Of its competition.
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
    challenge: Challenge
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
    def file_name(self) -> str:
        """What the challenge calls the submission of its tier."""
        return self.challenge.test_tiers[self.tier]

    @property
    def is_revealed(self) -> bool:
        """Whether it shows scores."""
        return not self.is_final or self.revealed_at is not None

    def is_closed(self, now: datetime.datetime) -> bool:
        """Tells whether it is over: after its deadline and grace, or revealed."""
        late = self.closes_at is not None and now > self.closes_at + self.grace
        return late or self.revealed_at is not None

    def state(self, now: datetime.datetime) -> str:
        """Returns whether uploads may be opened: `open`, `not open yet`, `closed` or `revealed`."""
        if self.revealed_at is not None:
            return "revealed"
        if self.is_closed(now):
            return "closed"
        return "not open yet" if self.opens_at is not None and now < self.opens_at else "open"

    def check_open(self, at: datetime.datetime) -> None:
        """Raises Refused unless an upload may be opened at some time."""
        if self.opens_at is not None and at < self.opens_at:
            raise Refused(f"{self.track}, {self.name}: opens at {self.opens_at:%Y-%m-%d %H:%M} UTC")
        if self.revealed_at is not None:
            raise Refused(f"{self.track}, {self.name}: is revealed, and takes no files any more")
        if self.is_closed(at):
            raise Refused(f"{self.track}, {self.name}: is closed; the upload was opened too late")


def create_competition(
    board: Board,
    connection: Connection,
    slug: str,
    title: str,
    *,
    challenge: str = DEFAULT.name,
    opens_at: datetime.datetime | None = None,
    closes_at: datetime.datetime | None = None,
    grace_minutes: int = GRACE_MINUTES,
    submissions_a_day: int = 1,
    prefix: str = "",
) -> int:
    """Adds a competition with the tracks of a challenge, each with its live and final phase.

    Args:
        board: The leaderboard.
        connection: In a writing transaction.
        slug: In addresses.
        title: On pages.
        challenge: By name.
        opens_at: When uploads may first be opened; None for at once.
        closes_at: Deadline of both phases; None for none.
        grace_minutes: How much later an upload may still be opened.
        submissions_a_day: Scored submissions of a team, a day and track.
        prefix: Before the names of the tracks in addresses, which are unique.

    Raises:
        Refused: If there is no such challenge, or a name is taken.
    """
    if challenge not in CHALLENGES:
        raise Refused(f"challenge {challenge!r}: {hint(challenge, CHALLENGES)}")
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
                submissions_a_day=submissions_a_day,
            )
            .returning(tracks.c.id)
        ).scalar_one()
        for phase, tier in track.phases.items():
            connection.execute(
                insert(phases).values(
                    track_id=track_id,
                    name=phase,
                    tier=tier,
                    is_final=tier == track.final_tier,
                    opens_at=opens_at,
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
    query = (
        select(
            phases,
            tracks.c.slug,
            tracks.c.rules,
            tracks.c.primary_metric,
            competitions.c.challenge,
        )
        .join_from(phases, tracks)
        .join(competitions)
    )
    if track is not None:
        query = query.where(tracks.c.slug == track)
    found = [_phase(row) for row in connection.execute(query.order_by(tracks.c.id, phases.c.id))]
    if track is not None and not found:
        known = connection.execute(select(tracks.c.slug).order_by(tracks.c.id)).scalars().all()
        raise Refused(f"track {track!r}: {hint(track, known)}", 404)
    return found


def locked_phases(connection: Connection, track: str) -> list[Phase]:
    """Returns the phases of a track, which nobody reveals or changes until the transaction ends."""
    of_track = select(phases.c.id).join(tracks).where(tracks.c.slug == track)
    connection.execute(of_track.with_for_update(read=True, of=phases))
    return phase_list(connection, track)


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


def _phase(row: Row[Any]) -> Phase:
    values = row._mapping
    return Phase(
        track=values["slug"],
        challenge=challenge_of(values["challenge"]),
        grace=datetime.timedelta(seconds=values["grace_seconds"]),
        **{
            field.name: values[field.name]
            for field in dataclasses.fields(Phase)
            if field.name not in ("track", "challenge", "grace")
        },
    )


def _check_slug(text: str) -> None:
    if not text or not all(c.isascii() and (c.isalnum() or c in "_-") for c in text):
        raise Refused(f"{text!r}: expected a name of letters, digits, - and _")
