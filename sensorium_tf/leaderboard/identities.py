"""Who of a provider's people is which user here."""

import dataclasses

from sqlalchemy import Connection, delete, select

from sensorium_tf.leaderboard.accounts import create_user, end_sessions
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.database import insert_missing
from sensorium_tf.leaderboard.invitations import accept_invitation
from sensorium_tf.leaderboard.oidc import Identity
from sensorium_tf.leaderboard.tables import identities, users
from sensorium_tf.leaderboard.texts import name_text

_UNNAMED = "participant"


def user_of(
    board: Board,
    connection: Connection,
    identity: Identity,
    *,
    invitation: str = "",
    may_come: bool = False,
) -> int:
    """Returns the user whom an identity is; an invitation makes one, or adds to what one may.

    Args:
        board: The leaderboard.
        connection: In a writing transaction.
        identity: Who logs in.
        invitation: Secret of one; empty for none.
        may_come: Whether somebody new needs none.

    Raises:
        Refused: If it is nobody's here, or a user's who was cut off.
    """
    found = connection.execute(
        select(users.c.id, users.c.disabled_at)
        .join_from(identities, users)
        .where(identities.c.issuer == identity.issuer, identities.c.subject == identity.subject)
    ).first()
    if found is not None and found.disabled_at is not None:
        raise Refused("this user was cut off: ask the organisers", 403)
    user_id = None if found is None else found.id
    if invitation:
        name = _free_name(connection, identity.name)
        user_id = accept_invitation(board, connection, invitation, name, user_id=user_id)
    elif user_id is None and may_come:
        user_id = create_user(board, connection, _free_name(connection, identity.name))
    elif user_id is None:
        raise Refused(
            "this login is nobody's here: open your invitation, or connect it on the page /me", 403
        )
    if found is None:
        connect(board, connection, user_id, identity)
    return user_id


def connect(board: Board, connection: Connection, user_id: int, identity: Identity) -> None:
    """Lets a user log in with an identity.

    Raises:
        Refused: If it is another user's.
    """
    of_it = {"issuer": identity.issuer, "subject": identity.subject}
    insert_missing(connection, identities, user_id=user_id, created_at=board.now(), **of_it)
    owner = select(identities.c.user_id).where(*(identities.c[k] == v for k, v in of_it.items()))
    if connection.execute(owner).scalar_one() != user_id:
        raise Refused("this login is another user's already", 409)
    board.note(connection, user_id, "identity", identity.issuer)


def disconnect(board: Board, connection: Connection, user_id: int, identity_id: int) -> None:
    """Ends that a user can log in with an identity, and all sessions of the user.

    Raises:
        Refused: If it is not the user's.
    """
    own = identities.c.id == identity_id, identities.c.user_id == user_id
    if connection.execute(delete(identities).where(*own)).rowcount != 1:
        raise Refused("login: there is none of this number", 404)
    end_sessions(connection, user_id)
    board.note(connection, user_id, "disconnect", identity_id)


@dataclasses.dataclass(frozen=True)
class KnownIdentity:
    """An identity as its user sees it.

    Attributes:
        id: Of the identity.
        issuer: The provider.
    """

    id: int
    issuer: str


def identities_of(connection: Connection, user_id: int) -> list[KnownIdentity]:
    """Returns the identities of a user."""
    found = connection.execute(
        select(identities.c.id, identities.c.issuer)
        .where(identities.c.user_id == user_id)
        .order_by(identities.c.id)
    )
    return [KnownIdentity(*row) for row in found]


def _free_name(connection: Connection, name: str) -> str:
    """Returns a provider's name for somebody, with a number if it is taken."""
    try:
        name = name_text(name, "name")[:90]
    except Refused:
        name = _UNNAMED
    known = select(users.c.name).where(users.c.name.startswith(name, autoescape=True))
    taken = set(connection.execute(known).scalars())
    numbered = (name if n == 1 else f"{name} {n}" for n in range(1, len(taken) + 2))
    return next(each for each in numbered if each not in taken)
