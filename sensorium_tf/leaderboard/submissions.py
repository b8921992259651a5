"""Submissions: accepted once and for all, with a receipt; published or withdrawn by their team."""

import dataclasses
import datetime
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, exists, func, insert, or_, select, update

from sensorium_tf.leaderboard import uploads as uploading
from sensorium_tf.leaderboard.access import SUBMIT, Viewer
from sensorium_tf.leaderboard.board import Board, Refused, new_id
from sensorium_tf.leaderboard.competitions import Phase, locked_phases, phase_list
from sensorium_tf.leaderboard.queue import CHECK, FAILED, SCORE, enqueue
from sensorium_tf.leaderboard.standing import standing_of
from sensorium_tf.leaderboard.tables import (
    competitions,
    evaluations,
    phases,
    submission_files,
    submissions,
    teams,
    tracks,
    uploads,
)
from sensorium_tf.leaderboard.teams import choose_team
from sensorium_tf.leaderboard.texts import label_values, links_list, method_text, name_text
from sensorium_tf.leaderboard.versions import SCORER


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody submits.

    Attributes:
        track: Slug.
        name: Of the submission.
        files: Tier to the id of a complete upload.
        team: By name; may be left out by whoever is in one alone.
        method: How it was made.
        links: Addresses of paper and code.
        label: What `submission.json` says of it.
        is_baseline: Whether it is shown and not ranked; organisers only.
    """

    track: str
    name: str
    files: Mapping[str, str]
    team: str | None = None
    method: str = ""
    links: tuple[str, ...] | list[str] = ()
    label: Mapping[str, Any] | None = None
    is_baseline: bool = False

    @classmethod
    def from_json(cls, values: Any) -> "Request":
        """Returns the request in JSON values.

        Raises:
            Refused: If a value is missing or unknown.
        """
        fields = dataclasses.fields(cls)
        if not isinstance(values, Mapping) or not {*values} <= {field.name for field in fields}:
            raise Refused(f"expected JSON with {', '.join(field.name for field in fields)}")
        for field in fields:
            if field.default is dataclasses.MISSING and field.name not in values:
                raise Refused(f"{field.name} is missing")
        return cls(**values)

    def __post_init__(self):
        files = self.files
        if (
            not isinstance(files, Mapping)
            or not files
            or not all(isinstance(text, str) for pair in files.items() for text in pair)
        ):
            raise Refused("files: expected tier and upload, such as {'test': '...'}")
        if not isinstance(self.track, str) or type(self.is_baseline) is not bool:
            raise Refused("track: expected its name; is_baseline: expected true or false")
        if self.team is not None and not isinstance(self.team, str):
            raise Refused("team: expected its name")


def submit(board: Board, viewer: Viewer, request: Request) -> dict[str, Any]:
    """Accepts a submission and lets it be scored; sent again, it is the same submission.

    Returns:
        Its receipt.

    Raises:
        Refused: If something of it is not what it should be, or today's limit is reached.
    """
    viewer.require(SUBMIT)
    if request.is_baseline:
        viewer.require_organiser()
    with board.database.read() as connection:
        first = phase_list(connection, request.track)
    for tier in request.files:
        if tier not in [phase.tier for phase in first]:
            raise Refused(f"files: {request.track} has no tier {tier!r}")
    label = label_values(request.label)
    texts = {
        "name": name_text(request.name, "name of the submission"),
        "method": method_text(request.method),
        "links": links_list(
            list(request.links) if isinstance(request.links, tuple) else request.links
        ),
        "label": label,
        "standing": standing_of(label, first[0].rules, first[0].challenge),
    }
    for upload_id in request.files.values():
        uploading.complete(board, viewer, upload_id)
    now = board.now()
    with board.database.write() as connection:
        team_id = choose_team(connection, viewer, request.team)
        # Whoever else of the team submits now waits here, so that the count is true.
        connection.execute(select(teams.c.id).where(teams.c.id == team_id).with_for_update())
        # Again, as the uploads took their time.
        known = {phase.tier: phase for phase in locked_phases(connection, request.track)}
        found = _uploads(connection, request, known, team_id)
        if (earlier := _earlier(connection, found)) is not None:
            return receipt(connection, earlier)
        track_id = first[0].track_id
        _check_running(connection, track_id)
        for phase, upload in found:
            phase.check_open(upload.opened_at)
        if not request.is_baseline:
            _check_quota(board, connection, team_id, track_id, now)
        submission_id = new_id()
        connection.execute(
            insert(submissions).values(
                id=submission_id,
                team_id=team_id,
                user_id=viewer.user_id,
                track_id=track_id,
                is_baseline=request.is_baseline,
                accepted_at=now,
                **texts,
            )
        )
        for phase, upload in found:
            connection.execute(
                insert(submission_files).values(
                    submission_id=submission_id,
                    phase_id=phase.id,
                    sha256=upload.sha256,
                    upload_id=upload.id,
                )
            )
            kind = SCORE if phase.is_revealed else CHECK
            if not enqueue(
                board, connection, submission_id=submission_id, phase_id=phase.id, kind=kind
            ):
                raise Refused(f"{request.track}, {phase.tier}: has no ground truth yet", 409)
        board.note(connection, viewer.user_id, "submit", submission_id, files=dict(request.files))
        return receipt(connection, submission_id)


def receipt(connection: Connection, submission_id: str) -> dict[str, Any]:
    """Returns what shows that a submission was accepted: equal whenever it is asked for.

    Returns:
        `{"submission", "accepted_at", "files": {tier: sha256}, "scorer", "receipt"}`; the last is
        the hash of the others as JSON with sorted keys and no spaces.
    """
    accepted = connection.execute(
        select(submissions.c.accepted_at).where(submissions.c.id == submission_id)
    ).scalar_one()
    files = connection.execute(
        select(phases.c.tier, submission_files.c.sha256)
        .join(phases)
        .where(submission_files.c.submission_id == submission_id)
    )
    scorer = connection.execute(
        select(evaluations.c.scorer)
        .where(evaluations.c.submission_id == submission_id)
        .order_by(evaluations.c.id)
        .limit(1)
    ).scalar()
    said = {
        "submission": submission_id,
        "accepted_at": accepted.isoformat(),
        "files": dict(files.tuples().all()),
        "scorer": scorer or SCORER,
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return {**said, "receipt": hashlib.sha256(text.encode()).hexdigest()}


def publish(board: Board, viewer: Viewer, submission_id: str) -> None:
    """Shows a submission to everybody.

    Raises:
        Refused: If there is no such submission of the viewer's teams, or it was withdrawn.
    """
    _change(board, viewer, submission_id, "publish", published_at=board.now())


def withdraw(board: Board, viewer: Viewer, submission_id: str) -> None:
    """Takes a submission out of everything that is shown, for good; its scores are kept.

    Raises:
        Refused: If there is no such submission of the viewer's teams, or it was withdrawn.
    """
    _change(board, viewer, submission_id, "withdraw", withdrawn_at=board.now())


def _change(board: Board, viewer: Viewer, submission_id: str, action: str, **values: Any) -> None:
    viewer.require(SUBMIT)
    with board.database.write() as connection:
        found = connection.execute(
            select(submissions.c.team_id, submissions.c.withdrawn_at).where(
                submissions.c.id == submission_id
            )
        ).first()
        if found is None or not (viewer.is_organiser or viewer.is_of(found.team_id)):
            raise Refused("submission: there is none of this id", 404)
        if found.withdrawn_at is not None:
            raise Refused("the submission was withdrawn: submit it again", 409)
        (column,) = values
        connection.execute(
            update(submissions)
            .where(submissions.c.id == submission_id, submissions.c[column].is_(None))
            .values(values)
        )
        board.note(connection, viewer.user_id, action, submission_id)


def _uploads(
    connection: Connection, request: Request, known: Mapping[str, Phase], team_id: int
) -> list[tuple[Phase, Any]]:
    found = []
    for tier, upload_id in request.files.items():
        upload = connection.execute(select(uploads).where(uploads.c.id == upload_id)).one()
        if upload.team_id != team_id or upload.phase_id != known[tier].id:
            raise Refused(
                f"files: the upload for {tier} was opened for another track, tier or team"
            )
        found.append((known[tier], upload))
    return found


def _earlier(connection: Connection, found: list[tuple[Phase, Any]]) -> str | None:
    """Returns the submission that has these uploads already."""
    ids = [upload.id for _, upload in found]
    rows = connection.execute(
        select(submission_files.c.submission_id).where(submission_files.c.upload_id.in_(ids))
    )
    earlier = rows.scalars().all()
    if earlier and (len(set(earlier)) > 1 or len(earlier) < len(ids)):
        raise Refused("files: an upload belongs to another submission already", 409)
    return earlier[0] if earlier else None


def _check_running(connection: Connection, track_id: int) -> None:
    paused = connection.execute(
        select(competitions.c.paused_at).join(tracks).where(tracks.c.id == track_id)
    ).scalar()
    if paused is not None:
        raise Refused("the competition takes no submissions just now: try again later", 409)


def _check_quota(
    board: Board, connection: Connection, team_id: int, track_id: int, now: datetime.datetime
) -> None:
    day = now.astimezone(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    left = int((day + datetime.timedelta(days=1) - now).total_seconds()) + 1
    today = (
        select(func.count())
        .select_from(submissions)
        .where(
            submissions.c.team_id == team_id,
            submissions.c.track_id == track_id,
            submissions.c.accepted_at >= day,
            submissions.c.is_baseline.is_(False),
        )
    )
    of_it = evaluations.c.submission_id == submissions.c.id
    failed = exists().where(and_(of_it, evaluations.c.state == FAILED))
    # Scores that are shown, or may yet be: another file's fault does not make them free.
    scored = exists().where(and_(of_it, evaluations.c.kind == SCORE, evaluations.c.state != FAILED))
    most = connection.execute(
        select(tracks.c.submissions_a_day).where(tracks.c.id == track_id)
    ).scalar_one()
    if connection.execute(today.where(or_(~failed, scored))).scalar_one() >= most:
        raise Refused(
            f"your team has its {most} scored submission{'' if most == 1 else 's'} of today (UTC) "
            "on this track: submit again tomorrow",
            429,
            retry_after=left,
        )
    if connection.execute(today).scalar_one() >= board.limits.attempts_a_day:
        raise Refused(
            f"your team has submitted {board.limits.attempts_a_day} times today on this track: "
            "check the files with score.py first, and submit again tomorrow",
            429,
            retry_after=left,
        )
