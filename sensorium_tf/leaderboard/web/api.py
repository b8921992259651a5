"""The API over HTTP: tokens in, JSON out, one clear line for what is refused."""

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.web.openapi import description
from sensorium_tf.leaderboard.web.operations import OPERATIONS, Call, Operation, check_values
from sensorium_tf.leaderboard.web.requests import content_type, read_body, read_json, viewer_of

#: What stands before every path of the API.
PREFIX = "/api/v1"
_SLICE = "application/offset+octet-stream"


def routes(board: Board) -> list[Route]:
    """Returns the routes of the API."""
    found = [
        Route(f"{PREFIX}{operation.path}", _endpoint(board, operation), methods=[operation.method])
        for operation in OPERATIONS
    ]

    async def openapi(request: Request) -> Response:
        return JSONResponse(description())

    return [*found, Route(f"{PREFIX}/openapi.json", openapi, methods=["GET"])]


def _endpoint(board: Board, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        viewer = await viewer_of(request, board)
        if operation.needs:
            # Before anything of the body is read.
            viewer.require(operation.needs)
        query, path = dict(request.query_params), dict(request.path_params)
        check_values(path, dict.fromkeys(path, ""), ())
        body, content, offset = {}, b"", 0
        check_values(query, operation.query, operation.required if not operation.body else ())
        if operation.takes_slice:
            offset = _offset(request)
            content = await read_body(request, board, board.limits.slice_bytes)
        elif operation.body:
            if content_type(request.headers) != "application/json":
                raise Refused("Content-Type: expected application/json", 415)
            body = await read_json(request, board)
            check_values(body, operation.body, operation.required)
        call = Call(board, viewer, path, query, body, content, offset)
        reply = await run_in_threadpool(operation.run, call)
        headers = {**reply.headers, "cache-control": "no-store"}
        if reply.media_type != "application/json":
            return Response(
                reply.values, operation.status, headers=headers, media_type=reply.media_type
            )
        if operation.method == "HEAD":
            return Response(None, operation.status, headers=headers)
        return JSONResponse(reply.values, operation.status, headers=headers)

    return endpoint


def _offset(request: Request) -> int:
    if content_type(request.headers) != _SLICE:
        raise Refused(f"Content-Type: expected {_SLICE}", 415)
    text = request.headers.get("upload-offset", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise Refused("Upload-Offset: expected where the slice belongs, such as 0", 400)
    return int(text)
