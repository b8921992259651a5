"""Forms of teams: a submission with its files, publish, withdraw."""

import contextlib
import hashlib
import json
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sensorium_tf.leaderboard import submissions, uploads
from sensorium_tf.leaderboard.access import Viewer
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.competitions import phase_list
from sensorium_tf.leaderboard.web.forms import form_route, text, to

_LONGEST_LABEL = 64 << 10


def routes(board: Board) -> list[Route]:
    """Returns the routes of these forms."""
    return [
        form_route(board, "/submit", _submit, files=True),
        form_route(board, "/entries/{id}/publish", _publish),
        form_route(board, "/entries/{id}/withdraw", _withdraw),
    ]


def _submit(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    track, team = text(form, "track"), text(form, "team") or None
    files = {
        name.removeprefix("file_"): value
        for name, value in form.multi_items()
        if name.startswith("file_") and isinstance(value, UploadFile) and value.size
    }
    if not files:
        with board.database.read() as connection:
            first, *_ = phase_list(connection, track)
        raise Refused(f"choose a file, such as {first.file_name} of submit.py")
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
                name=text(form, "name"),
                files=ids,
                team=team,
                method=text(form, "method"),
                links=text(form, "links").split(),
                label=label,
                is_baseline=bool(text(form, "baseline")),
            ),
        )
    except Refused:
        for upload_id in ids.values():
            with contextlib.suppress(Refused):
                uploads.cancel(board, viewer, upload_id)
        raise
    return to(f"/entries/{receipt['submission']}")


def _label(file: UploadFile) -> dict[str, Any]:
    """Returns what an uploaded `submission.json` says."""
    try:
        values = json.loads(file.file.read(_LONGEST_LABEL))
        return {name: values[name] for name in ("model", "mouse", "provenance")}
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise Refused("submission.json: is not the one that submit.py writes") from e


def _publish(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    submissions.publish(board, viewer, request.path_params["id"])
    return to(f"/entries/{request.path_params['id']}")


def _withdraw(board: Board, viewer: Viewer, request: Request, form: FormData) -> Response:
    submissions.withdraw(board, viewer, request.path_params["id"])
    return to("/me")
