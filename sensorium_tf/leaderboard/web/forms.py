"""Forms: where they come from, how large and how slow they may be, and who sends them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message

from sensorium_tf.leaderboard.access import READ, Viewer
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.web.sessions import check_form_token, check_origin, page_viewer

_SEE_OTHER = 303
_MOST_FIELDS, _MOST_FILES = 30, 3
_LARGEST_ID = 2**31 - 1  # that a database's whole number takes
_TOO_SLOW = "the form came too slowly: send it again"
_Do = Callable[[Board, Viewer, Request, FormData], Response]


def form_route(
    board: Board, path: str, do: _Do, *, session: bool = True, files: bool = False
) -> Route:
    """Returns the route of a form.

    Args:
        board: The leaderboard.
        path: Where it is sent to.
        do: Does, in a thread, what it asks for.
        session: Whether it is for those who are logged in, whose form token it carries.
        files: Whether it brings files.
    """

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
            sent = [value for _, value in form.multi_items() if isinstance(value, str)]
            if any("\0" in each for each in (*sent, *map(str, request.path_params.values()))):
                raise Refused("the form holds characters that no text has", 422)
            if session:
                check_form_token(request, text(form, "form_token"))
            return await run_in_threadpool(do, board, viewer, request, form)

    return Route(path, endpoint, methods=["POST"])


def text(form: FormData, name: str) -> str:
    """Returns a text of a form; empty if it is not there."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def to(path: str) -> RedirectResponse:
    """Returns what leads to a page."""
    return RedirectResponse(path, _SEE_OTHER)


def number(request: Request) -> int:
    """Returns the id in an address; raises Refused if no database has it."""
    found = request.path_params["id"]
    if found > _LARGEST_ID:
        raise Refused("there is none of this number", 404)
    return found


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
