"""Forms of people: logins, invitations, tokens."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sensorium_tf.leaderboard import accounts, identities, sessions
from sensorium_tf.leaderboard.access import ADMIN, READ, SUBMIT, Viewer
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.invitations import accept_invitation
from sensorium_tf.leaderboard.web.forms import form_route, number, text, to
from sensorium_tf.leaderboard.web.pages import own_page
from sensorium_tf.leaderboard.web.sessions import (
    check_form_token,
    session_secret,
    set_session,
    welcome,
)
from sensorium_tf.leaderboard.web.views import render


def routes(board: Board) -> list[Route]:
    """Returns the routes of these forms."""
    return [
        form_route(board, "/login", _login, session=False),
        form_route(board, "/join", _join, session=False),
        form_route(board, "/logout", _logout),
        form_route(board, "/me/tokens", _new_token),
        form_route(board, "/me/tokens/{id:int}/revoke", _revoke),
        form_route(board, "/me/identities/{id:int}/remove", _disconnect),
    ]


def _login(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    with board.database.write() as connection:
        secret = sessions.log_in(board, connection, text(form, "token").strip())
        sessions.close_session(connection, session_secret(request))
    return welcome(request, secret)


def _join(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    """Accepts an invitation: for whoever is logged in, or else as somebody new."""
    invitation, name = text(form, "invitation").strip(), text(form, "name")
    if viewer.user_id is None:
        with board.database.write() as connection:
            user_id = accept_invitation(board, connection, invitation, name)
            secret = sessions.open_session(board, connection, user_id)
        return welcome(request, secret)
    check_form_token(request, text(form, "form_token"))
    with board.database.write() as connection:
        before = accounts.scopes_of(connection, viewer.user_id)
        accept_invitation(board, connection, invitation, user_id=viewer.user_id)
        gained = {*accounts.scopes_of(connection, viewer.user_id)} - {*before}
        # What a token withholds from its session, an invitation does not give.
        scopes = viewer.scopes | gained
        sessions.set_scopes(connection, session_secret(request), scopes)
    return to("/me")


def _logout(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    with board.database.write() as connection:
        sessions.close_session(connection, session_secret(request))
    response = to("/")
    set_session(request, response, "")
    return response


def _new_token(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    scopes = (READ, SUBMIT, ADMIN) if text(form, "scopes") == ADMIN else (READ, SUBMIT)
    # Nobody makes a token that may do more than the session.
    for scope in scopes:
        viewer.require(scope)
    with board.database.write() as connection:
        secret = accounts.issue_token(
            board, connection, viewer.user_id, text(form, "name"), scopes=scopes
        )
        values = own_page(board, connection, viewer, request)
    return render(request, viewer, "me.html", **{**values, "secret": secret})


def _revoke(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    with board.database.write() as connection:
        accounts.revoke_token(board, connection, viewer.user_id, number(request))
    return to("/login")


def _disconnect(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    with board.database.write() as connection:
        identities.disconnect(board, connection, viewer.user_id, number(request))
    return to("/login")
