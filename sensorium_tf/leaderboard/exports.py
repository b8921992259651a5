"""All that is public, as JSON and CSV: the data outlive the site."""

import csv
import datetime
import io
from typing import Any

from sqlalchemy import Connection, select

from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.competitions import Phase, phase_list
from sensorium_tf.leaderboard.ranking import public_standings
from sensorium_tf.leaderboard.tables import competitions, tracks

_COLUMNS = (
    *("track", "phase", "standing", "rank", "id", "name", "team", "is_baseline", "accepted_at"),
    *("like_first", "scorer", "truth_version"),
)
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def public_json(
    board: Board, connection: Connection, *, track: str | None = None, phase: str | None = None
) -> dict[str, Any]:
    """Returns the standings of all tracks, or of one, as JSON values."""
    chosen = [each for each in phase_list(connection, track) if phase is None or each.name == phase]

    def table(chosen: Phase) -> dict[str, Any]:
        found = public_standings(board, connection, chosen)
        return board.cache.get(connection, ("json", chosen.id), found.to_json)

    return {"tables": [table(each) for each in chosen]}


def public_csv(board: Board, connection: Connection, **chosen: str | None) -> str:
    """Returns the standings as CSV, a row each; no cell of text is a spreadsheet's formula."""
    tables = public_json(board, connection, **chosen)["tables"]
    rows = [
        {
            **{name: submission[name] for name in _COLUMNS if name in submission},
            "track": table["track"],
            "phase": table["phase"],
            "standing": group["standing"],
            **{
                f"{metric}{suffix}": score[part]
                for metric, score in submission["scores"].items()
                for part, suffix in (("value", ""), ("low", "_low"), ("high", "_high"))
            },
        }
        for table in tables
        for group in table["groups"]
        for submission in group["submissions"]
    ]
    columns = dict.fromkeys([*_COLUMNS, *(name for row in rows for name in row)])
    file = io.StringIO()
    writer = csv.DictWriter(file, list(columns), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return file.getvalue()


def competition_list(board: Board, connection: Connection) -> list[dict[str, Any]]:
    """Returns the competitions with their tracks and phases, as JSON values."""
    found, now = [], board.now()
    for competition in connection.execute(select(competitions).order_by(competitions.c.id)):
        of_it = connection.execute(
            select(tracks).where(tracks.c.competition_id == competition.id).order_by(tracks.c.id)
        ).all()
        found.append(
            {
                "name": competition.slug,
                "title": competition.title,
                "challenge": competition.challenge,
                "paused": competition.paused_at is not None,
                "tracks": [
                    {
                        "name": track.slug,
                        "title": track.title,
                        "rules": track.rules,
                        "primary_metric": track.primary_metric,
                        "submissions_a_day": track.submissions_a_day,
                        "phases": [
                            _phase(each, now) for each in phase_list(connection, track.slug)
                        ],
                    }
                    for track in of_it
                ],
            }
        )
    return found


def _phase(phase: Phase, now: datetime.datetime) -> dict[str, Any]:
    times = {name: getattr(phase, name) for name in ("opens_at", "closes_at", "revealed_at")}
    return {
        "name": phase.name,
        "tier": phase.tier,
        "file": phase.file_name,
        "scored": "when it is revealed" if phase.is_final else "at once",
        "state": phase.state(now),
        "grace_minutes": int(phase.grace.total_seconds() // 60),
        **{name: None if at is None else at.isoformat() for name, at in times.items()},
    }


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return "" if value is None else value
