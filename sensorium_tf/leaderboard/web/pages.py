"""What people read: tables, submissions, comparisons, and their own page."""

import functools
from collections.abc import Awaitable, Callable
from pathlib import PurePath
from typing import Any

from sqlalchemy import Connection, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sensorium_tf.leaderboard import exports, queue, visible
from sensorium_tf.leaderboard.access import READ, Viewer
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.identities import identities_of
from sensorium_tf.leaderboard.tables import (
    audit,
    members,
    submissions,
    teams,
    tokens,
    tracks,
    users,
)
from sensorium_tf.leaderboard.teams import teams_of
from sensorium_tf.leaderboard.web.requests import base_url
from sensorium_tf.leaderboard.web.sessions import page_viewer
from sensorium_tf.leaderboard.web.views import STATIC, draw_table, render

_AUDIT_LINES = 50
# Of each table on the first page.
_FIRST = 20
_Read = Callable[[Board, Connection, Viewer, Request], dict[str, Any]]


def routes(board: Board) -> list[BaseRoute]:
    """Returns the routes of all pages that are read."""
    found: list[BaseRoute] = [
        Route(path, page(board, template, read), methods=["GET"])
        for path, template, read in (
            ("/", "index.html", _index),
            ("/tracks/{track}", "track.html", _track),
            ("/entries/{id}", "submission.html", _submission),
            ("/compare", "compare.html", _compare),
            ("/submit", "submit.html", _submit),
            ("/me", "me.html", own_page),
            ("/admin", "admin.html", admin_page),
            ("/login", "login.html", _nothing),
            ("/join", "join.html", _join),
        )
    ]
    return [*found, Mount("/static", StaticFiles(directory=STATIC))]


def page(board: Board, template: str, read: _Read) -> Callable[[Request], Awaitable[Response]]:
    """Returns the endpoint of a page.

    Args:
        board: The leaderboard.
        template: File name.
        read: Returns what the template is given.
    """

    async def endpoint(request: Request) -> Response:
        viewer = await page_viewer(request, board)

        def values() -> dict[str, Any]:
            _check_text(request)
            with board.database.read() as connection:
                return read(board, connection, viewer, request)

        return render(request, viewer, template, **await run_in_threadpool(values))

    return endpoint


def _check_text(request: Request) -> None:
    for value in (*request.path_params.values(), *request.query_params.values()):
        if "\0" in value:
            raise Refused("the address holds characters that no text has", 404)


def _index(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    return {
        "competitions": exports.competition_list(board, connection),
        "tables": _tables(board, connection, most=_FIRST),
    }


def _track(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    name = request.path_params["track"]
    tables = _tables(board, connection, name)[name]
    (track,) = (
        track
        for competition in exports.competition_list(board, connection)
        for track in competition["tracks"]
        if track["name"] == name
    )
    return {"track": track, "tables": tables}


def _tables(
    board: Board, connection: Connection, track: str | None = None, *, most: int | None = None
) -> dict[str, list[dict]]:
    """Returns the tables of each track, drawn under `html`, perhaps their first rows alone."""
    found: dict[str, list[dict]] = {}
    for table in exports.public_json(board, connection, track=track)["tables"]:
        key = ("html", table["track"], table["phase"], most)
        html = board.cache.get(connection, key, functools.partial(draw_table, table, most))
        found.setdefault(table["track"], []).append({**table, "html": html})
    return found


def _submission(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    found = visible.submission(board, connection, viewer, request.path_params["id"])
    team_id = connection.execute(
        select(submissions.c.team_id).where(submissions.c.id == found["id"])
    ).scalar_one()
    return {"submission": found, "own": viewer.is_of(team_id) or viewer.is_organiser}


def _compare(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    a, b = (request.query_params.get(name, "").strip() for name in "ab")
    found = visible.comparison(board, connection, viewer, a, b) if a and b else None
    tables = exports.public_json(board, connection)["tables"]
    known = {
        each["id"]: f"{each['name']} ({each['team']}), {table['track']}"
        for table in tables
        for group in table["groups"]
        for each in group["submissions"][:_FIRST]
    }
    return {"a": a, "b": b, "comparison": found, "known": known.items()}


def _submit(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    competitions = exports.competition_list(board, connection)
    return {
        "competitions": competitions,
        "forms": _submission_forms(competitions),
        "teams": teams_of(connection, viewer),
        "server": base_url(request),
    }


def _submission_forms(competitions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the forms that submit: one for all tracks whose files have the same tiers and names.

    Returns:
        `{"tracks", "files"}` each, the latter with `tier`, `name` and the `suffix` of the name.
    """
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for competition in competitions:
        for track in competition["tracks"]:
            files = tuple((phase["tier"], phase["file"]) for phase in track["phases"])
            found.setdefault(files, []).append(track["name"])
    return [
        {
            "tracks": tracks,
            "files": [
                {"tier": tier, "name": name, "suffix": PurePath(name).suffix}
                for tier, name in files
            ],
        }
        for files, tracks in found.items()
    ]


def own_page(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    """Returns what the page `/me` shows."""
    viewer.require(READ)
    own_tokens = connection.execute(
        select(tokens)
        .where(tokens.c.user_id == viewer.user_id, tokens.c.revoked_at.is_(None))
        .order_by(tokens.c.id)
    )
    return {
        "submissions": visible.own_submissions(board, connection, viewer),
        "teams": teams_of(connection, viewer),
        "tokens": own_tokens.all(),
        "identities": identities_of(connection, viewer.user_id),
        "secret": None,
    }


def admin_page(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    """Returns what the page `/admin` shows."""
    viewer.require_organiser()
    newest = connection.execute(
        select(submissions, teams.c.name.label("team"), tracks.c.slug.label("track"))
        .join_from(submissions, teams)
        .join(tracks)
        .order_by(submissions.c.accepted_at.desc())
        .limit(100)
    )
    lines = connection.execute(
        select(audit, users.c.name)
        .join_from(audit, users, isouter=True)
        .order_by(audit.c.id.desc())
        .limit(_AUDIT_LINES)
    )
    return {
        "competitions": exports.competition_list(board, connection),
        "submissions": newest.all(),
        "states": queue.counts(connection),
        "teams": connection.execute(select(teams).order_by(teams.c.name)).all(),
        "audit": lines.all(),
        "invitation": None,
        "server": base_url(request),
        "people": _people(connection),
        "now": board.now(),
    }


def _people(connection: Connection) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(users.c.id, users.c.name, users.c.is_organiser, users.c.disabled_at, teams.c.name)
        .join_from(users, members, isouter=True)
        .join(teams, isouter=True)
        .order_by(users.c.name, teams.c.name)
    )
    found: dict[int, dict[str, Any]] = {}
    for user_id, name, is_organiser, disabled_at, team in rows:
        role = "cut off" if disabled_at else "organiser" if is_organiser else "participant"
        person = found.setdefault(user_id, {"name": name, "role": role, "teams": []})
        person["teams"] += [] if team is None else [team]
    return list(found.values())


def _nothing(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    return {}


def _join(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    return {"invitation": request.query_params.get("invitation", "")}
