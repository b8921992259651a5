"""To an OpenID provider and back: to log in, to join, or to connect a login to one's user."""

import dataclasses
import hmac
from urllib.parse import parse_qs, urlencode

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sensorium_tf.leaderboard import sessions
from sensorium_tf.leaderboard.access import READ, Viewer
from sensorium_tf.leaderboard.accounts import scopes_of
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.identities import connect, user_of
from sensorium_tf.leaderboard.oidc import Attempt, Provider
from sensorium_tf.leaderboard.web.requests import base_url
from sensorium_tf.leaderboard.web.sessions import (
    check_form_token,
    cookie_name,
    form_token,
    page_viewer,
    session_secret,
    set_cookie,
    welcome,
)

_HERE = "same-origin"
_COOKIE, _SECONDS = "login", 600
_BACK = "/oidc/callback"
_LONGEST = 100
# Threads that may wait for a provider at once: a slow one leaves the others to all else.
_MOST_THREADS = 4


@dataclasses.dataclass(frozen=True)
class _Way:
    """What a browser keeps while its person is at the provider.

    Attributes:
        attempt: At a login.
        invitation: To accept then; empty for none.
        session: Form token of the session whose user the login is connected to; empty for none.
    """

    attempt: Attempt
    invitation: str = ""
    session: str = ""

    def to_text(self) -> str:
        others = {"invitation": self.invitation, "session": self.session}
        return urlencode({**dataclasses.asdict(self.attempt), **others})

    @classmethod
    def from_text(cls, text: str) -> "_Way":
        values = {name: each[0] for name, each in parse_qs(text).items()}
        attempt = Attempt(*(values.get(field.name, "") for field in dataclasses.fields(Attempt)))
        return cls(attempt, values.get("invitation", ""), values.get("session", ""))


def routes(board: Board, provider: Provider | None) -> list[Route]:
    """Returns the routes, if there is a provider."""
    if provider is None:
        return []

    threads = CapacityLimiter(_MOST_THREADS)

    async def start(request: Request) -> Response:
        return await to_thread.run_sync(_start, provider, request, limiter=threads)

    async def back(request: Request) -> Response:
        viewer = await page_viewer(request, board)
        return await to_thread.run_sync(_back, board, provider, request, viewer, limiter=threads)

    return [Route("/oidc/start", start, methods=["GET"]), Route(_BACK, back, methods=["GET"])]


def _start(provider: Provider, request: Request) -> Response:
    given = {name: request.query_params.get(name, "") for name in ("invitation", "session")}
    if any(len(text) > _LONGEST or not text.isascii() for text in given.values()):
        raise Refused("this address is not whole: open the page again", 400)
    # A link elsewhere makes nobody accept an invitation: browsers say where it was followed.
    if given["invitation"] and request.headers.get("sec-fetch-site", _HERE) != _HERE:
        raise Refused("this link is not of our own page: open the invitation, and join there", 403)
    if given["session"]:
        check_form_token(request, given["session"])
    way = _Way(Attempt(), **given)
    response = RedirectResponse(provider.address(way.attempt, _redirect(request)), 303)
    response.headers["cache-control"] = "no-store"
    set_cookie(request, response, _COOKIE, way.to_text(), _SECONDS)
    return response


def _back(board: Board, provider: Provider, request: Request, viewer: Viewer) -> Response:
    way = _Way.from_text(request.cookies.get(cookie_name(request, _COOKIE), ""))
    state, code = (request.query_params.get(name, "") for name in ("state", "code"))
    if not way.attempt.state or not hmac.compare_digest(state.encode(), way.attempt.state.encode()):
        raise Refused("this login was not begun here, or long ago: log in again", 403)
    if not code:
        raise Refused(f"{provider.name} did not confirm the login: log in again", 403)
    identity = provider.identity(code, way.attempt, _redirect(request))
    with board.database.write() as connection:
        if way.session:
            if not hmac.compare_digest(way.session, form_token(request)):
                raise Refused("this login was begun in another session: begin again", 403)
            # A login may do all that its user may: so must whoever connects it.
            viewer.require(READ)
            for scope in scopes_of(connection, viewer.user_id):
                viewer.require(scope)
            user_id = viewer.user_id
            connect(board, connection, user_id, identity)
        else:
            user_id = user_of(
                board,
                connection,
                identity,
                invitation=way.invitation,
                may_come=provider.is_open,
            )
        sessions.close_session(connection, session_secret(request))
        secret = sessions.open_session(board, connection, user_id)
    response = welcome(request, secret)
    set_cookie(request, response, _COOKIE, "", 0)
    return response


def _redirect(request: Request) -> str:
    return f"{base_url(request)}{_BACK}"
