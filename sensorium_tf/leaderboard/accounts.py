"""Users and tokens. Secrets are known to their owners alone."""

import datetime
import hashlib
import secrets
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from sensorium_tf.leaderboard.access import ANYBODY, READ, SCOPES, SUBMIT, Viewer
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.tables import identities, members, sessions, tokens, users
from sensorium_tf.leaderboard.texts import name_text


def digest(secret: str) -> str:
    """Returns what is kept of a secret: a hash suffices for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """Returns 256 random bits, as text for addresses."""
    return secrets.token_urlsafe(32)


def create_user(board: Board, connection: Connection, name: str, *, organiser: bool = False) -> int:
    """Adds a user.

    Raises:
        Refused: If the name is none, or taken.
    """
    name = name_text(name, "user name")
    if connection.execute(select(users.c.id).where(users.c.name == name)).first():
        raise Refused(f"user {name!r} is there already: choose another name", 409)
    values = {"name": name, "is_organiser": organiser, "created_at": board.now()}
    user_id = connection.execute(insert(users).values(values).returning(users.c.id)).scalar_one()
    board.note(connection, user_id, "user", name, organiser=organiser)
    return user_id


def user_named(connection: Connection, name: str) -> int:
    """Returns the id of a user; raises Refused if there is none of this name."""
    found = connection.execute(select(users.c.id).where(users.c.name == name)).scalar()
    if found is None:
        raise Refused(f"user {name!r}: there is none of this name", 404)
    return found


def name_of(connection: Connection, user_id: int) -> str:
    """Returns the name of a user."""
    return connection.execute(select(users.c.name).where(users.c.id == user_id)).scalar_one()


def scopes_of(connection: Connection, user_id: int) -> tuple[str, ...]:
    """Returns all that a user may do, of `SCOPES`."""
    organises = select(users.c.is_organiser).where(users.c.id == user_id)
    return SCOPES if connection.execute(organises).scalar_one() else (READ, SUBMIT)


def issue_token(
    board: Board,
    connection: Connection,
    user_id: int,
    name: str,
    *,
    scopes: Iterable[str] = (READ, SUBMIT),
    days: int | None = 365,
) -> str:
    """Makes a token; returns its secret, which is shown this once.

    Raises:
        Refused: If a scope is not one, or there are none.
    """
    scopes = sorted(set(scopes))
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Refused(f"scopes {', '.join(scopes) or 'none'}: expected some of {', '.join(SCOPES)}")
    secret, now = f"sensorium_{new_secret()}", board.now()
    connection.execute(
        insert(tokens).values(
            user_id=user_id,
            digest=digest(secret),
            name=name_text(name, "token name"),
            scopes=" ".join(scopes),
            created_at=now,
            expires_at=None if days is None else now + datetime.timedelta(days=days),
        )
    )
    board.note(connection, user_id, "token", name, scopes=scopes)
    return secret


def revoke_token(board: Board, connection: Connection, user_id: int, token_id: int) -> None:
    """Ends one of a user's tokens, and all of the user's sessions, whatever opened them."""
    connection.execute(
        update(tokens)
        .where(tokens.c.id == token_id, tokens.c.user_id == user_id, tokens.c.revoked_at.is_(None))
        .values(revoked_at=board.now())
    )
    end_sessions(connection, user_id)
    board.note(connection, user_id, "revoke", token_id)


def revoke_all(board: Board, connection: Connection, user_id: int) -> None:
    """Ends all tokens, connected logins and sessions of a user."""
    _end_tokens(board, connection, user_id)
    connection.execute(delete(identities).where(identities.c.user_id == user_id))
    board.note(connection, None, "revoke", f"all of {name_of(connection, user_id)}")


def disable_user(board: Board, connection: Connection, user_id: int) -> None:
    """Cuts a user off; what the user's teams have submitted stays theirs.

    A connected login stays, so that whoever comes with it is known, and kept out.
    """
    _end_tokens(board, connection, user_id)
    connection.execute(update(users).where(users.c.id == user_id).values(disabled_at=board.now()))
    board.note(connection, None, "disable", name_of(connection, user_id))


def end_sessions(connection: Connection, user_id: int) -> None:
    """Ends all sessions of a user, whatever opened them."""
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id))


def enable_user(board: Board, connection: Connection, user_id: int) -> None:
    """Lets a user back in who was cut off; tokens that were revoked stay so."""
    connection.execute(update(users).where(users.c.id == user_id).values(disabled_at=None))
    board.note(connection, None, "enable", name_of(connection, user_id))


def viewer_of_token(board: Board, connection: Connection, secret: str) -> Viewer:
    """Returns whose a token is.

    Raises:
        Refused: If it is unknown, expired or revoked.
    """
    found = connection.execute(
        select(tokens.c.user_id, tokens.c.scopes).where(
            tokens.c.digest == digest(secret), is_valid(board)
        )
    ).first()
    viewer = ANYBODY if found is None else viewer_of_user(connection, found.user_id, found.scopes)
    if viewer.user_id is None:
        raise Refused("this token is unknown, expired or revoked", 401)
    return viewer


def is_valid(board: Board) -> ColumnElement[bool]:
    """Returns the condition that a token is neither revoked nor expired."""
    in_time = or_(tokens.c.expires_at.is_(None), tokens.c.expires_at > board.now())
    return and_(tokens.c.revoked_at.is_(None), in_time)


def viewer_of_user(connection: Connection, user_id: int, scopes: str) -> Viewer:
    """Returns a user with scopes, as one text; nobody if the user is disabled."""
    user = connection.execute(
        select(users.c.name, users.c.is_organiser).where(
            users.c.id == user_id, users.c.disabled_at.is_(None)
        )
    ).first()
    if user is None:
        return ANYBODY
    of_user = select(members.c.team_id).where(members.c.user_id == user_id)
    return Viewer(
        user_id=user_id,
        name=user.name,
        teams=frozenset(connection.execute(of_user).scalars()),
        organises=user.is_organiser,
        scopes=frozenset(scopes.split()),
    )


def _end_tokens(board: Board, connection: Connection, user_id: int) -> None:
    connection.execute(
        update(tokens)
        .where(tokens.c.user_id == user_id, tokens.c.revoked_at.is_(None))
        .values(revoked_at=board.now())
    )
    end_sessions(connection, user_id)
