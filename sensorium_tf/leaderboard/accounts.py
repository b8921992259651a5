"""Users, teams, invitations and tokens. Secrets are known to their owners alone."""

import dataclasses
import datetime
import hashlib
import secrets
from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from sensorium_tf.leaderboard.access import ANYBODY, SCOPES, Viewer
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.database import insert_missing
from sensorium_tf.leaderboard.tables import invitations, members, sessions, teams, tokens, users
from sensorium_tf.leaderboard.texts import name_text

_INVITATION_DAYS = 14


def digest(secret: str) -> str:
    """Returns what is kept of a secret: a hash suffices for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


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
    board.note(connection, user_id, "user", user_id, organiser=organiser)
    return user_id


def create_team(board: Board, connection: Connection, name: str) -> int:
    """Adds a team.

    Raises:
        Refused: If the name is none, or taken.
    """
    name = name_text(name, "team name")
    if connection.execute(select(teams.c.id).where(teams.c.name == name)).first():
        raise Refused(f"team {name!r} is there already: choose another name", 409)
    values = {"name": name, "created_at": board.now()}
    team_id = connection.execute(insert(teams).values(values).returning(teams.c.id)).scalar_one()
    board.note(connection, None, "team", team_id)
    return team_id


def team_named(connection: Connection, name: str) -> int:
    """Returns the id of a team; raises Refused if there is none of this name."""
    found = connection.execute(select(teams.c.id).where(teams.c.name == name)).scalar()
    if found is None:
        raise Refused(f"team {name!r}: there is none of this name", 404)
    return found


def user_named(connection: Connection, name: str) -> int:
    """Returns the id of a user; raises Refused if there is none of this name."""
    found = connection.execute(select(users.c.id).where(users.c.name == name)).scalar()
    if found is None:
        raise Refused(f"user {name!r}: there is none of this name", 404)
    return found


def add_member(connection: Connection, team_id: int, user_id: int) -> None:
    """Puts a user into a team, unless there already."""
    insert_missing(connection, members, team_id=team_id, user_id=user_id)


def invite(
    board: Board,
    connection: Connection,
    *,
    team_id: int | None = None,
    organiser: bool = False,
    days: int = _INVITATION_DAYS,
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
    secret = secrets.token_urlsafe(32)
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
    board.note(connection, by, "invitation", team_id or "organisers")
    return secret


def accept_invitation(
    board: Board, connection: Connection, secret: str, name: str
) -> tuple[int, bool]:
    """Makes the user that an invitation is for; returns the id, and whether it is an organiser.

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
    user_id = create_user(board, connection, name, organiser=taken.is_organiser)
    connection.execute(
        update(invitations).where(invitations.c.id == taken.id).values(user_id=user_id)
    )
    if taken.team_id is not None:
        add_member(connection, taken.team_id, user_id)
    return user_id, taken.is_organiser


def issue_token(
    board: Board,
    connection: Connection,
    user_id: int,
    name: str,
    *,
    scopes: Iterable[str] = ("read", "submit"),
    days: int | None = 365,
) -> str:
    """Makes a token; returns its secret, which is shown this once.

    Raises:
        Refused: If a scope is not one, or there are none.
    """
    scopes = sorted(set(scopes))
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Refused(f"scopes {', '.join(scopes) or 'none'}: expected some of {', '.join(SCOPES)}")
    secret, now = f"sensorium_{secrets.token_urlsafe(32)}", board.now()
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
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
    board.note(connection, user_id, "revoke", token_id)


def revoke_all(board: Board, connection: Connection, user_id: int) -> None:
    """Ends all tokens and sessions of a user."""
    connection.execute(
        update(tokens)
        .where(tokens.c.user_id == user_id, tokens.c.revoked_at.is_(None))
        .values(revoked_at=board.now())
    )
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id))
    board.note(connection, None, "revoke", f"all of user {user_id}")


def disable_user(board: Board, connection: Connection, user_id: int) -> None:
    """Cuts a user off, for good; what the user's teams have entered stays theirs."""
    revoke_all(board, connection, user_id)
    connection.execute(update(users).where(users.c.id == user_id).values(disabled_at=board.now()))
    board.note(connection, None, "disable", user_id)


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


@dataclasses.dataclass(frozen=True)
class TeamName:
    """A team as forms show it.

    Attributes:
        id: Of the team.
        name: Of the team.
    """

    id: int
    name: str


def teams_of(connection: Connection, viewer: Viewer) -> list[TeamName]:
    """Returns the teams of a viewer, by name."""
    found = connection.execute(
        select(teams.c.id, teams.c.name).where(teams.c.id.in_(viewer.teams)).order_by(teams.c.name)
    )
    return [TeamName(*row) for row in found]


def choose_team(connection: Connection, viewer: Viewer, name: str | None) -> int:
    """Returns the team that a viewer acts for; the only one if no name is given.

    Raises:
        Refused: If the viewer is in no such team, or in several and none is named.
    """
    own = teams_of(connection, viewer)
    chosen = [team.id for team in own if name is None or team.name == name]
    if len(chosen) == 1:
        return chosen[0]
    if not own:
        raise Refused("you are in no team: ask an organiser for an invitation", 403)
    listed = ", ".join(team.name for team in own)
    raise Refused(
        f"name one of your teams ({listed})"
        if name is None
        else f"team {name!r} is none of yours ({listed})",
        422 if name is None else 403,
    )
