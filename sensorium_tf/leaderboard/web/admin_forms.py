"""Forms of organisers: invitations, and what becomes of phases."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sensorium_tf.leaderboard import invitations, schedule, teams
from sensorium_tf.leaderboard.access import Viewer
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.competitions import Phase, phase_of, time_of
from sensorium_tf.leaderboard.web.forms import form_route, text, to
from sensorium_tf.leaderboard.web.pages import admin_page
from sensorium_tf.leaderboard.web.views import render


def routes(board: Board) -> list[Route]:
    """Returns the routes of these forms."""
    return [
        form_route(board, f"/admin/{name}", do)
        for name, do in (
            ("invite", _invite),
            ("open", _open),
            ("close", _close),
            ("deadline", _deadline),
            ("reveal", _reveal),
            ("rescore", _rescore),
            ("pause", _pause),
            ("resume", _pause),
        )
    ]


def _invite(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    name, new = text(form, "team"), text(form, "new_team")
    with board.database.write() as connection:
        if new:
            team_id = teams.create_team(board, connection, new)
        else:
            team_id = teams.team_named(connection, name)
        secret = invitations.invite(board, connection, team_id=team_id, by=viewer.user_id)
        values = admin_page(board, connection, viewer, request)
    return render(request, viewer, "admin.html", **{**values, "invitation": secret})


def _open(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    schedule.open_phase(board, _phase(board, form), user_id=viewer.user_id)
    return to("/admin")


def _close(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    schedule.close_phase(board, _phase(board, form), user_id=viewer.user_id)
    return to("/admin")


def _deadline(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    closes_at = time_of(text(form, "closes_at"))
    schedule.set_deadline(board, _phase(board, form), closes_at, user_id=viewer.user_id)
    return to("/admin")


def _reveal(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    cut = bool(text(form, "cut_uploads"))
    schedule.reveal(board, _phase(board, form), cut_uploads=cut, user_id=viewer.user_id)
    return to("/admin")


def _rescore(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    schedule.rescore(board, _phase(board, form), user_id=viewer.user_id)
    return to("/admin")


def _pause(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    viewer.require_organiser()
    paused = request.url.path.endswith("/pause")
    schedule.pause(board, text(form, "competition"), paused=paused, user_id=viewer.user_id)
    return to("/admin")


def _phase(board: Board, form: FormData) -> Phase:
    with board.database.read() as connection:
        return phase_of(connection, text(form, "track"), name=text(form, "phase"))
