"""What people read: tables, entries, comparisons, and their own page."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Connection, select
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sensorium_tf.leaderboard import accounts, entries, exports, queue
from sensorium_tf.leaderboard.access import READ, Viewer
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.tables import audit, submissions, teams, tokens, tracks, users
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
            ("/entries/{id}", "entry.html", _entry),
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
        "competitions": exports.competition_list(connection),
        "tables": _tables(board, connection, most=_FIRST),
    }


def _track(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    name = request.path_params["track"]
    tables = _tables(board, connection, name)[name]
    (track,) = (
        track
        for competition in exports.competition_list(connection)
        for track in competition["tracks"]
        if track["name"] == name
    )
    return {"track": track, "tables": tables}


def _tables(
    board: Board, connection: Connection, track: str | None = None, *, most: int | None = None
) -> dict[str, list[dict]]:
    """Returns the tables of each track, drawn under `html`, perhaps their first entries alone."""
    found: dict[str, list[dict]] = {}
    for table in exports.public_json(board, connection, track=track)["tables"]:
        key = ("html", table["track"], table["phase"], most)
        html = board.cache.get(connection, key, functools.partial(draw_table, table, most))
        found.setdefault(table["track"], []).append({**table, "html": html})
    return found


def _entry(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    found = entries.entry(board, connection, viewer, request.path_params["id"])
    team_id = connection.execute(
        select(submissions.c.team_id).where(submissions.c.id == found["id"])
    ).scalar_one()
    return {"entry": found, "own": viewer.is_of(team_id) or viewer.is_organiser}


def _compare(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    a, b = (request.query_params.get(name, "").strip() for name in "ab")
    found = entries.comparison(board, connection, viewer, a, b) if a and b else None
    return {"a": a, "b": b, "comparison": found}


def _submit(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    return {
        "competitions": exports.competition_list(connection),
        "teams": accounts.teams_of(connection, viewer),
        "server": f"{request.url.scheme}://{request.headers.get('host', '')}",
    }


def own_page(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    """Returns what the page `/me` shows."""
    viewer.require(READ)
    own_tokens = connection.execute(
        select(tokens)
        .where(tokens.c.user_id == viewer.user_id, tokens.c.revoked_at.is_(None))
        .order_by(tokens.c.id)
    )
    return {
        "entries": entries.own_entries(board, connection, viewer),
        "teams": accounts.teams_of(connection, viewer),
        "tokens": own_tokens.all(),
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
        "competitions": exports.competition_list(connection),
        "entries": newest.all(),
        "states": queue.counts(connection),
        "teams": connection.execute(select(teams).order_by(teams.c.name)).all(),
        "audit": lines.all(),
        "invitation": None,
    }


def _nothing(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    return {}


def _join(board: Board, connection: Connection, viewer: Viewer, request: Request) -> dict:
    return {"invitation": request.query_params.get("invitation", "")}
