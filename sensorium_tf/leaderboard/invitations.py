"""Invitations: each lets one person in, as a new user or as one who is there already."""

import datetime

from sqlalchemy import Connection, insert, update

from sensorium_tf.leaderboard.accounts import create_user, digest, new_secret
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.tables import invitations, users
from sensorium_tf.leaderboard.teams import add_member, name_of

_DAYS = 14


def invite(
    board: Board,
    connection: Connection,
    *,
    team_id: int | None = None,
    organiser: bool = False,
    days: int = _DAYS,
    by: int | None = None,
) -> str:
    """Makes an invitation, which one person may accept; returns its secret.

    Args:
        board: The leaderboard.
        connection: In a writing transaction.
        team_id: Team that whoever accepts it joins; None for none.
        organiser: Whether it makes an organiser.
        days: How long it can be accepted.
        by: User who invites; None for the command line.
    """
    secret = new_secret()
    now = board.now()
    connection.execute(
        insert(invitations).values(
            digest=digest(secret),
            team_id=team_id,
            is_organiser=organiser,
            created_at=now,
            expires_at=now + datetime.timedelta(days=days),
        )
    )
    board.note(connection, by, "invitation", _whom(connection, team_id))
    return secret


def accept_invitation(
    board: Board, connection: Connection, secret: str, name: str = "", *, user_id: int | None = None
) -> int:
    """Gives somebody what an invitation is for; returns the user.

    Args:
        board: The leaderboard.
        connection: In a writing transaction.
        secret: Of the invitation.
        name: Of the new user.
        user_id: Who is there already and accepts it; None to make a new user.

    Raises:
        Refused: If there is no such invitation any more, or the name cannot be had.
    """
    now = board.now()
    taken = connection.execute(
        update(invitations)
        .where(
            invitations.c.digest == digest(secret),
            invitations.c.used_at.is_(None),
            invitations.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(invitations.c.id, invitations.c.team_id, invitations.c.is_organiser)
    ).first()
    if taken is None:
        raise Refused("this invitation is unknown, used or expired: ask for another one", 403)
    if user_id is None:
        user_id = create_user(board, connection, name, organiser=taken.is_organiser)
    elif taken.is_organiser:
        connection.execute(update(users).where(users.c.id == user_id).values(is_organiser=True))
    connection.execute(
        update(invitations).where(invitations.c.id == taken.id).values(user_id=user_id)
    )
    if taken.team_id is not None:
        add_member(connection, taken.team_id, user_id)
    board.note(connection, user_id, "join", _whom(connection, taken.team_id))
    return user_id


def _whom(connection: Connection, team_id: int | None) -> str:
    """Returns whom an invitation leads to."""
    return "organisers" if team_id is None else f"team {name_of(connection, team_id)}"
