"""A competition to look at: a simulated mouse, its two tracks, submissions of two models."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import select

from sensorium_tf.challenges import DEFAULT
from sensorium_tf.leaderboard import accounts, submissions, teams, uploads
from sensorium_tf.leaderboard.access import Viewer
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.competitions import create_competition, phase_list
from sensorium_tf.leaderboard.tables import competitions
from sensorium_tf.leaderboard.truths import add_truth
from sensorium_tf.scoring import read_label

_SCOPES = ("read", "submit")


def is_empty(board: Board) -> bool:
    """Tells whether a leaderboard has no competition yet."""
    with board.database.read() as connection:
        return connection.execute(select(competitions.c.id)).first() is None


def make_demo(
    board: Board, truth_files: Mapping[str, Path], submissions: Mapping[str, Mapping[str, Path]]
) -> dict[str, str]:
    """Adds the demo competition with its people and submissions.

    Args:
        board: Without a competition.
        truth_files: Tier to its ground-truth file, the same for both tracks.
        submissions: Name of each submission to its submission files by tier.

    Returns:
        Name of each user to the secret of a token.
    """
    with board.database.write() as connection:
        create_competition(
            board, connection, "demo", "Demo: a simulated mouse", submissions_a_day=20
        )
        organiser = accounts.create_user(board, connection, "demo organiser", organiser=True)
        member = accounts.create_user(board, connection, "demo member")
        team_id = teams.create_team(board, connection, "demo team")
        teams.add_member(connection, team_id, member)
        secrets = {
            "demo organiser": accounts.issue_token(
                board, connection, organiser, "demo", scopes=(*_SCOPES, "admin")
            ),
            "demo member": accounts.issue_token(board, connection, member, "demo"),
        }
        phases = phase_list(connection)
    for phase in phases:
        add_truth(board, phase, truth_files[phase.tier])
    viewer = Viewer(member, "demo member", frozenset({team_id}), scopes=frozenset(_SCOPES))
    for track in DEFAULT.tracks:
        for name, files in submissions.items():
            _enter(board, viewer, track, name, files)
    return secrets


def _enter(board: Board, viewer: Viewer, track: str, name: str, files: Mapping[str, Path]) -> None:
    ids = {}
    for tier, path in files.items():
        content = path.read_bytes()
        opened = uploads.open_upload(board, viewer, track=track, tier=tier, length=len(content))
        ids[tier] = uploads.append(board, viewer, opened.id, 0, content).id
    request = submissions.Request(
        track=track,
        name=name,
        files=ids,
        method="A baseline of this package, trained on the demo's recording.",
        label=read_label(next(iter(files.values()))),
    )
    receipt = submissions.submit(board, viewer, request)
    submissions.publish(board, viewer, receipt["submission"])
