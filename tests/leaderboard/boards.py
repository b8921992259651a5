"""Small leaderboards: two teams, an organiser, both tracks of a competition, and their files."""

import datetime
import itertools

import numpy as np

from sensorium_tf.leaderboard import accounts, teams, uploads
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.competitions import create_competition, phase_of
from sensorium_tf.leaderboard.submissions import Request, submit
from sensorium_tf.leaderboard.truths import add_truth
from sensorium_tf.scoring import write_ground_truth, write_submission

START = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
N_NEURONS, N_IMAGES, N_REPEATS = 12, 6, 4
LABEL = {
    "model": "cnn",
    "mouse": "mouse1",
    "provenance": {"inputs": ["image"], "trained_on": ["train"], "chosen_by": "validation"},
}


class Clock:
    """A time that tests move."""

    def __init__(self, at=START):
        self.at = at

    def __call__(self):
        return self.at

    def move(self, **by):
        self.at += datetime.timedelta(**by)


def ids(tier):
    first = 1000 if tier == "test" else 2000
    images = np.repeat(np.arange(first, first + N_IMAGES), N_REPEATS)
    trials = [f"{tier}-{i}" for i in range(len(images))]
    return {"trial_ids": trials, "image_ids": images, "unit_ids": np.arange(N_NEURONS) * 3 + 5}


def responses(tier, seed=0):
    """Returns responses that share something over the repeats of an image."""
    random = np.random.default_rng([seed, len(tier)])
    shared = np.repeat(random.gamma(2, 1, (N_IMAGES, N_NEURONS)), N_REPEATS, axis=0)
    return shared + random.gamma(1, 0.5, shared.shape)


def write_truth(path, tier="test", seed=0):
    write_ground_truth(path, responses=responses(tier, seed), **ids(tier))
    return path


def write_rates(path, tier="test", *, noise=1.0, seed=1):
    """Writes a submission that is the better, the less noise."""
    values = responses(tier) + noise * np.random.default_rng(seed).normal(0, 1, (24, N_NEURONS))
    write_submission(path, rates=values, **ids(tier))
    return path


def populate(board, folder, **options):
    """Adds the competition, its truths, and the people; returns them by name, with secrets."""
    with board.database.write() as connection:
        create_competition(
            board,
            connection,
            "small",
            "A small competition",
            **{"submissions_a_day": 99, **options},
        )
        people = {}
        for name, team, organiser in (
            ("ann", "reds", False),
            ("bob", "blues", False),
            ("olga", None, True),
        ):
            user_id = accounts.create_user(board, connection, name, organiser=organiser)
            if team is not None:
                team_id = teams.create_team(board, connection, team)
                teams.add_member(connection, team_id, user_id)
            scopes = ["read", "submit", *(["admin"] if organiser else [])]
            people[name] = accounts.issue_token(
                board, connection, user_id, "laptop", scopes=scopes, days=None
            )
        with_team = accounts.user_named(connection, "olga")
        teams.add_member(connection, teams.create_team(board, connection, "hosts"), with_team)
    for track, tier in itertools.product(("sensorium", "sensorium_plus"), ("test", "final_test")):
        with board.database.read() as connection:
            phase = phase_of(connection, track, tier=tier)
        add_truth(board, phase, write_truth(folder / f"truth_{tier}.csv", tier))
    return people


def viewer(board, secret):
    with board.database.read() as connection:
        return accounts.viewer_of_token(board, connection, secret)


def phase(board, track="sensorium", tier="test"):
    with board.database.read() as connection:
        return phase_of(connection, track, tier=tier)


def upload(board, who, path, *, track="sensorium", tier="test", **options):
    content = path.read_bytes()
    opened = uploads.open_upload(board, who, track=track, tier=tier, length=len(content), **options)
    return uploads.append(board, who, opened.id, 0, content).id


def enter(
    board,
    who,
    folder,
    *,
    track="sensorium",
    tiers=("test",),
    name="submission",
    noise=1.0,
    seed=1,
    label=LABEL,
    **options,
):
    """Submits a submission; returns its id."""
    files = {
        tier: upload(
            board,
            who,
            write_rates(folder / "submission.csv", tier, noise=noise, seed=seed),
            track=track,
            tier=tier,
        )
        for tier in tiers
    }
    request = Request(track=track, name=name, files=files, label=label, **options)
    return submit(board, who, request)["submission"]


def open_board(place, folder, **options):
    clock = Clock()
    board = Board.open(str(place), str(folder), now=clock, **options)
    return board, clock
