"""Sessions of the pages, which last no longer than the tokens that they were opened with."""

import datetime
from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, or_, select, update

from sensorium_tf.leaderboard.access import ANYBODY, READ, Viewer
from sensorium_tf.leaderboard.accounts import (
    digest,
    is_valid,
    new_secret,
    scopes_of,
    viewer_of_token,
    viewer_of_user,
)
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.tables import sessions, tokens

_SESSION_DAYS = 14


def log_in(board: Board, connection: Connection, token: str) -> str:
    """Opens a session with a token; returns the session's secret, for the cookie.

    Raises:
        Refused: If the token is not valid, or may not read.
    """
    viewer = viewer_of_token(board, connection, token)
    viewer.require(READ)
    token_id = connection.execute(select(tokens.c.id).where(tokens.c.digest == digest(token)))
    return open_session(
        board,
        connection,
        viewer.user_id,
        scopes=viewer.scopes,
        token_id=token_id.scalar_one(),
    )


def open_session(
    board: Board,
    connection: Connection,
    user_id: int,
    *,
    scopes: Iterable[str] | None = None,
    token_id: int | None = None,
) -> str:
    """Opens a session; returns its secret, for the cookie.

    Args:
        board: The leaderboard.
        connection: In a writing transaction.
        user_id: Whose.
        scopes: What it may do; None for all that the user may.
        token_id: Of the token that it ends with; None if none opened it.
    """
    secret, now = new_secret(), board.now()
    scopes = scopes_of(connection, user_id) if scopes is None else scopes
    connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
    connection.execute(
        insert(sessions).values(
            digest=digest(secret),
            user_id=user_id,
            token_id=token_id,
            scopes=" ".join(sorted(scopes)),
            created_at=now,
            expires_at=now + datetime.timedelta(days=_SESSION_DAYS),
        )
    )
    return secret


def close_session(connection: Connection, secret: str) -> None:
    """Ends a session."""
    connection.execute(delete(sessions).where(sessions.c.digest == digest(secret)))


def set_scopes(connection: Connection, secret: str, scopes: Iterable[str]) -> None:
    """Changes what a session may do."""
    of_it = update(sessions).where(sessions.c.digest == digest(secret))
    connection.execute(of_it.values(scopes=" ".join(sorted(scopes))))


def viewer_of_session(board: Board, connection: Connection, secret: str) -> Viewer:
    """Returns whose a session is; nobody's if it, or its token, is unknown or over."""
    found = connection.execute(
        select(sessions.c.user_id, sessions.c.scopes)
        .join_from(sessions, tokens, tokens.c.id == sessions.c.token_id, isouter=True)
        .where(
            sessions.c.digest == digest(secret),
            sessions.c.expires_at > board.now(),
            or_(sessions.c.token_id.is_(None), is_valid(board)),
        )
    ).first()
    return ANYBODY if found is None else viewer_of_user(connection, found.user_id, found.scopes)
