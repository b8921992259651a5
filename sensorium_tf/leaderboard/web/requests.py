"""What comes in: bodies with limits, and who sends them."""

import asyncio
import json
import math
import time
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from sensorium_tf.leaderboard.access import ANYBODY, Viewer
from sensorium_tf.leaderboard.accounts import viewer_of_token
from sensorium_tf.leaderboard.board import Board, Refused

_MOST_ADDRESSES = 10_000


async def read_body(request: Request, board: Board, most: int) -> bytearray:
    """Returns the body of a request, of which there is no second copy: many come at once.

    Args:
        request: Whose.
        board: Its limits say how long the sender may say nothing, and take altogether.
        most: Bytes that it may have.

    Raises:
        Refused: If it is larger, or comes too slowly.
    """
    limits = board.limits
    declared = request.headers.get("content-length", "0")
    too_large = Refused(f"the request has more than {most} bytes", 413)
    if not declared.isdecimal() or int(declared[:18]) > most:
        raise too_large
    content = bytearray()
    stream = aiter(request.stream())
    try:
        async with asyncio.timeout(limits.slice_seconds):
            while True:
                async with asyncio.timeout(limits.idle_seconds):
                    content += await anext(stream)
                if len(content) > most:
                    raise too_large
    except StopAsyncIteration:
        return content
    except TimeoutError as e:
        raise Refused("the request came too slowly: send it again", 408) from e
    except ClientDisconnect as e:
        raise Refused("the connection was lost", 400) from e


async def read_json(request: Request, board: Board) -> dict[str, Any]:
    """Returns the JSON object in the body of a request.

    Raises:
        Refused: If there is none.
    """
    body = await read_body(request, board, board.limits.form_bytes)
    try:
        values = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as e:
        raise Refused("expected a JSON object in UTF-8", 400) from e
    if not isinstance(values, dict):
        raise Refused("expected a JSON object in UTF-8", 400)
    return values


async def viewer_of(request: Request, board: Board) -> Viewer:
    """Returns whose token a request carries; nobody's if it has none.

    Raises:
        Refused: If it is not valid.
    """
    header = request.headers.get("authorization")
    if header is None:
        return ANYBODY
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Refused("Authorization: expected Bearer and a token", 401)

    def find() -> Viewer:
        with board.database.read() as connection:
            return viewer_of_token(board, connection, secret.strip())

    return await run_in_threadpool(find)


def base_url(request: Request) -> str:
    """Returns the address that people open: what the organisers say, or what was asked for."""
    asked = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return request.app.state.board.base_url or asked


class Throttle:
    """So many requests a minute of each address.

    Args:
        a_minute: How many; as many may come at once.
        now: Tells seconds.
    """

    def __init__(self, a_minute: int, now: Callable[[], float] = time.monotonic):
        self._most, self._now = a_minute, now
        self._left: MutableMapping[str, tuple[float, float]] = {}

    def wait(self, address: str) -> int:
        """Counts a request; returns after how many seconds it may come, 0 for now."""
        now = self._now()
        left, since = self._left.get(address, (float(self._most), now))
        left = min(self._most, left + (now - since) * self._most / 60)
        if left < 1:
            return math.ceil((1 - left) * 60 / self._most)
        if len(self._left) >= _MOST_ADDRESSES:
            self._forget(now)
        self._left[address] = left - 1, now
        return 0

    def _forget(self, now: float) -> None:
        """Leaves out the addresses that may send all that they may again."""
        busy = {key: value for key, value in self._left.items() if now - value[1] < 60}
        self._left = busy if len(busy) < _MOST_ADDRESSES else {}


def content_type(headers: Headers) -> str:
    """Returns the kind of a body, such as `application/json`."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
