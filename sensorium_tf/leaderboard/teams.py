"""Teams: their members, and for whom somebody acts."""

import dataclasses

from sqlalchemy import Connection, delete, insert, select, update

from sensorium_tf.leaderboard.access import Viewer
from sensorium_tf.leaderboard.board import Board, Refused
from sensorium_tf.leaderboard.database import insert_missing
from sensorium_tf.leaderboard.tables import members, teams
from sensorium_tf.leaderboard.texts import name_text


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
    board.note(connection, None, "team", name)
    return team_id


def team_named(connection: Connection, name: str) -> int:
    """Returns the id of a team; raises Refused if there is none of this name."""
    found = connection.execute(select(teams.c.id).where(teams.c.name == name)).scalar()
    if found is None:
        raise Refused(f"team {name!r}: there is none of this name", 404)
    return found


def name_of(connection: Connection, team_id: int) -> str:
    """Returns the name of a team."""
    return connection.execute(select(teams.c.name).where(teams.c.id == team_id)).scalar_one()


def set_quota(board: Board, connection: Connection, team_id: int, size: int | None) -> None:
    """Says how many bytes the files of a team may have; None for as many as any team's."""
    connection.execute(update(teams).where(teams.c.id == team_id).values(quota_bytes=size))
    board.note(connection, None, "quota", name_of(connection, team_id), bytes=size)


def add_member(connection: Connection, team_id: int, user_id: int) -> None:
    """Puts a user into a team, unless there already."""
    insert_missing(connection, members, team_id=team_id, user_id=user_id)


def remove_member(connection: Connection, team_id: int, user_id: int) -> None:
    """Takes a user out of a team; what the user has submitted for it stays the team's.

    Raises:
        Refused: If the user is not in it.
    """
    of_both = members.c.team_id == team_id, members.c.user_id == user_id
    if connection.execute(delete(members).where(*of_both)).rowcount != 1:
        raise Refused("the user is not in this team", 404)


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
