"""Who looks at the pages, and whether a form is one of ours."""

import hashlib
import hmac

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sensorium_tf.leaderboard.access import ANYBODY, Viewer
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.sessions import viewer_of_session
from sensorium_tf.leaderboard.web.requests import base_url

_COOKIE = "session"
_MOST_SECONDS = 14 * 24 * 3600
_SEE_OTHER = 303


def session_secret(request: Request) -> str:
    """Returns the secret of a request's session; empty if there is none."""
    return request.cookies.get(cookie_name(request, _COOKIE), "")


async def page_viewer(request: Request, board: Board) -> Viewer:
    """Returns whose session a request is of; nobody's if there is none."""
    secret = session_secret(request)
    if not secret:
        return ANYBODY

    def find() -> Viewer:
        with board.database.read() as connection:
            return viewer_of_session(board, connection, secret)

    return await run_in_threadpool(find)


def set_session(request: Request, response: Response, secret: str) -> None:
    """Lets an answer hand out a session; an empty secret ends it."""
    set_cookie(request, response, _COOKIE, secret, _MOST_SECONDS)


def welcome(request: Request, secret: str) -> Response:
    """Returns what leads somebody who has logged in to their own page."""
    response = RedirectResponse("/me", _SEE_OTHER)
    set_session(request, response, secret)
    return response


def form_token(request: Request) -> str:
    """Returns what a form of the session has to send back."""
    secret = session_secret(request)
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest() if secret else ""


def check_origin(request: Request) -> None:
    """Raises Refused unless a form was sent from one of our own pages."""
    own = base_url(request)
    origin = request.headers.get("origin")
    fetched = request.headers.get("sec-fetch-site")
    if origin != own and not (origin is None and fetched == "same-origin"):
        raise Refused("this form was sent from elsewhere: open the page again", 403)


def check_form_token(request: Request, sent: str) -> None:
    """Raises Refused unless a form has the token of its session."""
    if not sent or not hmac.compare_digest(sent.encode(), form_token(request).encode()):
        raise Refused("this form is of another session: open the page again", 403)


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """Lets a browser keep something, for us alone; an empty value ends it."""
    response.set_cookie(
        cookie_name(request, name),
        value,
        max_age=seconds if value else 0,
        httponly=True,
        samesite="lax",
        secure=_is_secure(request),
    )


def cookie_name(request: Request, name: str) -> str:
    """Returns the name of a cookie: over TLS one that no other site of the domain can set."""
    return f"__Host-{name}" if _is_secure(request) else name


def _is_secure(request: Request) -> bool:
    return base_url(request).startswith("https:")
