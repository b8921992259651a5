"""The service as an ASGI application: routes, errors in one line, headers that protect."""

import contextlib
import logging
import secrets
from collections.abc import AsyncIterator

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.leaderboard.access import ANYBODY
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.database import SERVING_THREADS, DatabaseError
from sensorium_tf.leaderboard.oidc import Provider
from sensorium_tf.leaderboard.storage import Unreadable
from sensorium_tf.leaderboard.web import (
    account_forms,
    admin_forms,
    api,
    pages,
    single_sign_on,
    status,
    submission_forms,
)
from sensorium_tf.leaderboard.web.requests import Throttle
from sensorium_tf.leaderboard.web.views import render

_LOG = logging.getLogger(__name__)
_HEADERS = {
    b"content-security-policy": b"default-src 'self'; form-action 'self'; base-uri 'none'; "
    b"frame-ancestors 'none'; object-src 'none'",
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"cross-origin-opener-policy": b"same-origin",
}


def create_app(board: Board, provider: Provider | None = None) -> Starlette:
    """Returns the application that serves a leaderboard.

    Args:
        board: The leaderboard.
        provider: With which people may log in, too; None for none.
    """
    app = Starlette(
        routes=[
            *api.routes(board),
            *status.routes(board),
            *pages.routes(board),
            *account_forms.routes(board),
            *submission_forms.routes(board),
            *admin_forms.routes(board),
            *single_sign_on.routes(board, provider),
        ],
        exception_handlers={SensoriumError: _refuse, HTTPException: _http, Exception: _fault},
        middleware=[
            Middleware(_Protect),
            Middleware(_Throttled, throttle=Throttle(board.limits.requests_a_minute)),
        ],
        lifespan=_with_few_threads,
    )
    app.state.board, app.state.provider = board, provider
    return app


@contextlib.asynccontextmanager
async def _with_few_threads(app: Starlette) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = SERVING_THREADS
    yield


def answer(request: Request, text: str, status_code: int, headers=None) -> Response:
    """Returns an error as whoever asks can read it."""
    path = request.url.path
    if path.startswith((api.PREFIX, "/healthz", "/metrics")):
        return JSONResponse({"error": text}, status_code, headers=headers)
    page = render(request, ANYBODY, "error.html", status_code, text=text)
    page.headers.update(headers or {})
    return page


async def _refuse(request: Request, error: SensoriumError) -> Response:
    if isinstance(error, Refused):
        headers = {}
        if error.retry_after is not None:
            headers["retry-after"] = str(error.retry_after)
        if error.status == 401:
            headers["www-authenticate"] = "Bearer"
        return answer(request, one_line(error), error.status, headers)
    if isinstance(error, (DatabaseError, Unreadable)):
        _LOG.error("%s", error)
        what = "database is" if isinstance(error, DatabaseError) else "files are"
        return answer(request, f"the {what} away: try again later", 503, {"retry-after": "5"})
    return answer(request, one_line(error), 422)


async def _http(request: Request, error: HTTPException) -> Response:
    return answer(request, error.detail, error.status_code, error.headers)


async def _fault(request: Request, error: Exception) -> Response:
    number = secrets.token_hex(4)
    _LOG.error("fault %s: %s %s", number, request.method, request.url.path, exc_info=error)
    return answer(request, f"a fault of the server: tell the organisers number {number}", 500)


class _Protect:
    """Adds the headers that every answer has."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS.items()]
            await send(message)

        await self._app(scope, receive, protected)


class _Throttled:
    """Refuses an address that asks too often."""

    def __init__(self, app: ASGIApp, throttle: Throttle):
        self._app, self._throttle = app, throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = scope.get("client")
        seconds = 0
        if scope["type"] == "http" and address is not None:
            seconds = self._throttle.wait(address[0])
        if not seconds:
            await self._app(scope, receive, send)
            return
        text = "too many requests: ask again later"
        reply = answer(Request(scope), text, 429, {"retry-after": str(seconds)})
        await reply(scope, receive, send)
