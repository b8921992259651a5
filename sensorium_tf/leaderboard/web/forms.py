"""What people send from the pages: logins, entries, decisions."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message

from sensorium_tf.leaderboard import accounts, competitions, sessions, submissions, uploads
from sensorium_tf.leaderboard.access import READ, SCOPES, SUBMIT, Viewer
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.competitions import phase_of
from sensorium_tf.leaderboard.web.pages import admin_page, own_page
from sensorium_tf.leaderboard.web.sessions import (
    check_form_token,
    check_origin,
    page_viewer,
    session_secret,
    set_session,
)
from sensorium_tf.leaderboard.web.views import render

_SEE_OTHER = 303
_MOST_FIELDS, _MOST_FILES = 30, 3
_LARGEST_ID = 2**31 - 1  # that a database's whole number takes
_TOO_SLOW = "the form came too slowly: send it again"
_LONGEST_LABEL = 64 << 10
_Do = Callable[[Board, Viewer, Request, FormData], Response]


def routes(board: Board) -> list[Route]:
    """Returns the routes of all forms."""
    return [
        Route(path, _form(board, do, **options), methods=["POST"])
        for path, do, options in (
            ("/login", _login, {"session": False}),
            ("/join", _join, {"session": False}),
            ("/logout", _logout, {}),
            ("/submit", _submit, {"files": True}),
            ("/entries/{id}/publish", _publish, {}),
            ("/entries/{id}/withdraw", _withdraw, {}),
            ("/me/tokens", _new_token, {}),
            ("/me/tokens/{id:int}/revoke", _revoke, {}),
            ("/admin/invite", _invite, {}),
            ("/admin/reveal", _reveal, {}),
            ("/admin/rescore", _rescore, {}),
            ("/admin/pause", _pause, {}),
            ("/admin/resume", _pause, {}),
        )
    ]


def _form(
    board: Board, do: _Do, *, session: bool = True, files: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """Returns the endpoint of a form: its origin, its token, its size, then what it does."""

    async def endpoint(request: Request) -> Response:
        check_origin(request)
        viewer = await page_viewer(request, board)
        if session:
            viewer.require(READ)
        most = board.limits.form_bytes + files * _MOST_FILES * board.limits.raw_bytes
        limited = Request(request.scope, _limited(request, board, most))
        seconds = board.limits.slice_seconds * (_MOST_FILES if files else 1)
        try:
            async with asyncio.timeout(seconds):
                form = await limited.form(max_files=_MOST_FILES * files, max_fields=_MOST_FIELDS)
        except MultiPartException as e:
            raise Refused(f"the form cannot be read: {e.message}", 400) from e
        except TimeoutError as e:
            raise Refused(_TOO_SLOW, 408) from e
        async with _closing(form):
            texts = [value for _, value in form.multi_items() if isinstance(value, str)]
            if any("\0" in text for text in (*texts, *map(str, request.path_params.values()))):
                raise Refused("the form holds characters that no text has", 422)
            if session:
                check_form_token(request, _text(form, "form_token"))
            return await run_in_threadpool(do, board, viewer, request, form)

    return endpoint


@contextlib.asynccontextmanager
async def _closing(form: FormData) -> AsyncIterator[None]:
    """Closes the files of a form, which lie on the disk."""
    try:
        yield
    finally:
        await form.close()


def _limited(request: Request, board: Board, most: int) -> Callable[[], Awaitable[Message]]:
    """Returns what receives a body of a size, from a sender that does not dawdle."""
    n_received = 0

    async def receive() -> Message:
        nonlocal n_received
        try:
            async with asyncio.timeout(board.limits.idle_seconds):
                message = await request.receive()
        except TimeoutError as e:
            raise Refused(_TOO_SLOW, 408) from e
        n_received += len(message.get("body", b""))
        if n_received > most:
            raise Refused(f"the form has more than {most} bytes", 413)
        return message

    return receive


def _text(form: FormData, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _to(path: str) -> RedirectResponse:
    return RedirectResponse(path, _SEE_OTHER)


def _login(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    with board.database.write() as connection:
        secret = sessions.log_in(board, connection, _text(form, "token").strip())
        sessions.close_session(connection, session_secret(request))
    return _welcome(request, secret)


def _join(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    with board.database.write() as connection:
        user_id, organises = accounts.accept_invitation(
            board, connection, _text(form, "invitation"), _text(form, "name")
        )
        sessions.close_session(connection, session_secret(request))
        scopes = SCOPES if organises else (READ, SUBMIT)
        secret = sessions.open_session(board, connection, user_id, scopes)
    return _welcome(request, secret)


def _welcome(request: Request, secret: str) -> Response:
    response = _to("/me")
    set_session(request, response, secret)
    return response


def _logout(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    with board.database.write() as connection:
        sessions.close_session(connection, session_secret(request))
    response = _to("/")
    set_session(request, response, "")
    return response


def _submit(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    track, team = _text(form, "track"), _text(form, "team") or None
    files = {
        name.removeprefix("file_"): value
        for name, value in form.multi_items()
        if name.startswith("file_") and isinstance(value, UploadFile) and value.size
    }
    if not files:
        raise Refused("choose a file, such as submission_file_live_test.csv of submit.py")
    label = form.get("label")
    label = _label(label) if isinstance(label, UploadFile) and label.size else None
    ids: dict[str, str] = {}
    try:
        for tier, file in files.items():
            digest = hashlib.file_digest(file.file, "sha256").hexdigest()
            file.file.seek(0)
            opened = uploads.open_upload(
                board,
                viewer,
                track=track,
                tier=tier,
                length=file.size,
                declared=digest,
                team=team,
            )
            ids[tier] = opened.id
            at = 0
            while piece := file.file.read(board.limits.slice_bytes):
                uploads.append(board, viewer, opened.id, at, piece)
                at += len(piece)
        receipt = submissions.submit(
            board,
            viewer,
            submissions.Request(
                track=track,
                name=_text(form, "name"),
                files=ids,
                team=team,
                method=_text(form, "method"),
                links=_text(form, "links").split(),
                label=label,
            ),
        )
    except Refused:
        for upload_id in ids.values():
            with contextlib.suppress(Refused):
                uploads.cancel(board, viewer, upload_id)
        raise
    return _to(f"/entries/{receipt['submission']}")


def _label(file: UploadFile) -> dict[str, Any]:
    """Returns what an uploaded `submission.json` says."""
    try:
        values = json.loads(file.file.read(_LONGEST_LABEL))
        return {name: values[name] for name in ("model", "mouse", "provenance")}
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise Refused("submission.json: is not the one that submit.py writes") from e


def _publish(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    submissions.publish(board, viewer, request.path_params["id"])
    return _to(f"/entries/{request.path_params['id']}")


def _withdraw(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    submissions.withdraw(board, viewer, request.path_params["id"])
    return _to("/me")


def _new_token(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    scopes = {"read", "submit"} if _text(form, "scopes") != "admin" else {"read", "submit", "admin"}
    # Nobody makes a token that may do more than the session.
    for scope in scopes:
        viewer.require(scope)
    with board.database.write() as connection:
        secret = accounts.issue_token(
            board, connection, viewer.user_id, _text(form, "name"), scopes=scopes
        )
        values = own_page(board, connection, viewer, request)
    return render(request, viewer, "me.html", **{**values, "secret": secret})


def _revoke(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    token_id = request.path_params["id"]
    if token_id > _LARGEST_ID:
        raise Refused("token: there is none of this number", 404)
    with board.database.write() as connection:
        accounts.revoke_token(board, connection, viewer.user_id, token_id)
    return _to("/login")


def _invite(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    name, new = _text(form, "team"), _text(form, "new_team")
    with board.database.write() as connection:
        if new:
            team_id = accounts.create_team(board, connection, new)
        else:
            team_id = accounts.team_named(connection, name)
        secret = accounts.invite(board, connection, team_id=team_id, by=viewer.user_id)
        values = admin_page(board, connection, viewer, request)
    return render(request, viewer, "admin.html", **{**values, "invitation": secret})


def _reveal(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    competitions.reveal(board, _phase(board, form), user_id=viewer.user_id)
    return _to("/admin")


def _rescore(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    competitions.rescore(board, _phase(board, form), user_id=viewer.user_id)
    return _to("/admin")


def _pause(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    paused = request.url.path.endswith("/pause")
    competitions.pause(board, _text(form, "competition"), paused=paused, user_id=viewer.user_id)
    return _to("/admin")


def _phase(board: Board, form: FormData) -> competitions.Phase:
    with board.database.read() as connection:
        return phase_of(connection, _text(form, "track"), name=_text(form, "phase"))
