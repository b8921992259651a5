"""People come by invitation, and show tokens that only they know."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from sensorium_tf.leaderboard import accounts, invitations, sessions, teams
from sensorium_tf.leaderboard.access import ANYBODY
from sensorium_tf.leaderboard.board import Refused
from sensorium_tf.leaderboard.tables import invitations as invitations_table
from sensorium_tf.leaderboard.tables import sessions as sessions_table
from sensorium_tf.leaderboard.tables import tokens, users


def test_an_invitation_makes_one_member_and_no_more(team):
    board = team.board
    with board.database.write() as connection:
        secret = invitations.invite(board, connection, team_id=teams.team_named(connection, "reds"))
        user_id = invitations.accept_invitation(board, connection, secret, " carl ")
        session = sessions.open_session(board, connection, user_id, scopes=["read", "submit"])
        viewer = sessions.viewer_of_session(board, connection, session)
    assert viewer.name == "carl" and len(viewer.teams) == 1 and not viewer.organises
    with pytest.raises(Refused, match="unknown, used or expired"), board.database.write() as c:
        invitations.accept_invitation(board, c, secret, "dora")


def test_an_invitation_expires_and_survives_a_name_that_is_taken(team):
    board = team.board
    with board.database.write() as connection:
        secret = invitations.invite(board, connection, organiser=True)
    with pytest.raises(Refused, match="'ann' is there already"), board.database.write() as c:
        invitations.accept_invitation(board, c, secret, "ann")
    team.clock.move(days=15)
    with pytest.raises(Refused, match="expired"), board.database.write() as c:
        invitations.accept_invitation(board, c, secret, "dora")


def test_no_secret_is_in_the_database(sqlite_team):
    team = sqlite_team
    board = team.board
    with board.database.write() as connection:
        invitation = invitations.invite(board, connection)
        user_id = accounts.user_named(connection, "ann")
        session = sessions.open_session(board, connection, user_id, scopes=["read"])
        kept = [
            *connection.execute(select(tokens.c.digest)).scalars(),
            *connection.execute(select(invitations_table.c.digest)).scalars(),
            *connection.execute(select(sessions_table.c.digest)).scalars(),
        ]
    assert all(len(digest) == 64 for digest in kept)
    content = Path(board.database.url.database).read_bytes()
    for secret in (invitation, session, *team.secrets.values()):
        assert accounts.digest(secret) in kept and secret.encode() not in content


def refused(board, secret):
    unknown = pytest.raises(Refused, match="unknown, expired or revoked")
    with unknown as error, board.database.read() as connection:
        accounts.viewer_of_token(board, connection, secret)
    return error.value.status == 401


def test_tokens_expire_are_revoked_and_end_with_their_user(team):
    board = team.board
    with board.database.write() as connection:
        ann = accounts.user_named(connection, "ann")
        short = accounts.issue_token(board, connection, ann, "short", days=1)
        session = sessions.open_session(board, connection, ann, scopes=["read"])
        last = connection.execute(select(tokens.c.id).order_by(tokens.c.id.desc())).scalars()
        other = accounts.issue_token(board, connection, ann, "other")
        accounts.revoke_token(board, connection, ann, last.first() + 1)
        assert sessions.viewer_of_session(board, connection, session) == ANYBODY
        accounts.viewer_of_token(board, connection, short)
    assert refused(board, other) and refused(board, "") and refused(board, "sensorium_x")
    team.clock.move(days=2)
    assert refused(board, short)
    with board.database.write() as connection:
        connection.execute(update(users).values(disabled_at=team.clock.at))
    assert refused(board, team.secrets["ann"])


def test_a_session_ends_with_its_token_and_with_no_other(team):
    board = team.board

    def who(session):
        with board.database.read() as connection:
            return sessions.viewer_of_session(board, connection, session).name

    with board.database.write() as connection:
        ann = accounts.user_named(connection, "ann")
        short = accounts.issue_token(board, connection, ann, "short", days=1)
        expiring = sessions.log_in(board, connection, short)
        revoked, other = (
            sessions.log_in(board, connection, team.secrets[name]) for name in ("ann", "bob")
        )
        invited = sessions.open_session(board, connection, ann, scopes=["read"])
    assert [who(each) for each in (expiring, revoked, other, invited)] == [
        "ann",
        "ann",
        "bob",
        "ann",
    ]
    with board.database.write() as connection:
        ends = update(tokens).where(tokens.c.digest == accounts.digest(team.secrets["ann"]))
        connection.execute(ends.values(revoked_at=team.clock.at))
    assert who(revoked) == ANYBODY.name
    assert [who(each) for each in (expiring, other, invited)] == ["ann", "bob", "ann"]
    team.clock.move(days=1)
    assert who(expiring) == ANYBODY.name
    assert [who(each) for each in (other, invited)] == ["bob", "ann"]


def test_nobody_revokes_another_users_token(team):
    board = team.board
    with board.database.write() as connection:
        bob = accounts.user_named(connection, "bob")
        accounts.revoke_token(board, connection, bob, 1)
        assert accounts.viewer_of_token(board, connection, team.secrets["ann"]).name == "ann"


@pytest.mark.parametrize("scopes", [[], ["write"], ["read", "root"]])
def test_scopes_that_are_none_are_refused(team, scopes):
    refusal = pytest.raises(Refused, match="expected some of read, submit, admin")
    with refusal, team.board.database.write() as connection:
        accounts.issue_token(team.board, connection, 1, "x", scopes=scopes)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00b", "x" * 101, "a\u202eb", None, 7])
def test_names_that_cannot_be_shown_are_refused(team, name):
    refusal = pytest.raises(Refused, match="user name .*expected one line")
    with refusal, team.board.database.write() as connection:
        accounts.create_user(team.board, connection, name)
