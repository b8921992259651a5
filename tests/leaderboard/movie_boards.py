"""A small competition of movies: a simulated mouse, its ground truth, and submissions for it."""

import dataclasses

import boards
import numpy as np
from movie_files import CHALLENGE, simulated_movies
from sqlalchemy import update

from sensorium_tf.leaderboard import visible
from sensorium_tf.leaderboard.competitions import create_competition
from sensorium_tf.leaderboard.submissions import Request, submit
from sensorium_tf.leaderboard.tables import tracks
from sensorium_tf.leaderboard.truths import add_truth
from sensorium_tf.leaderboard.worker import work_once
from sensorium_tf.recordings import MovieTruth
from sensorium_tf.scoring import (
    MovieRow,
    ground_truth_file,
    write_label,
    write_movie_ground_truth,
    write_movie_submission,
)

LIVE, FINAL = "live_test_main", "final_test_main"
LABEL = {
    "model": "cnn factorised_3d(channels=(32, 64, 128), spatial_kernels=(11, 5, 5), "
    "temporal_kernels=(11, 5, 5), pad_past=True), mean of 5",
    "mouse": ", ".join(f"our_mouse_of_2026_{i}" for i in range(10)),
    "provenance": {"inputs": ["video", "behavior"], "trained_on": ["train"]},
}


class Movies:
    """The simulated mouse, and the files of its test tiers.

    Args:
        folder: Gets its recording and its ground truth.
    """

    def __init__(self, folder):
        self.rates, self.truths = {}, {}
        with MovieTruth.open(simulated_movies(folder)) as truth:
            for tier in CHALLENGE.test_tiers:
                trials = np.flatnonzero(truth.tiers == tier)
                self.rates[tier] = [self._row(truth, truth.rates, i) for i in trials]
                responses = [
                    dataclasses.replace(
                        self._row(truth, truth.responses, i), video_id=int(truth.video_ids[i])
                    )
                    for i in trials
                ]
                self.truths[tier] = folder / ground_truth_file(tier, CHALLENGE)
                write_movie_ground_truth(self.truths[tier], responses)

    @staticmethod
    def _row(truth, values, trial):
        values = values(trial)[CHALLENGE.skip_frames :]
        return MovieRow(CHALLENGE.example_session, int(trial), values, truth.unit_ids)

    def write_rates(self, path, tier=LIVE, *, noise=0.5, seed=1):
        """Writes a submission that is the better, the less noise."""
        random = np.random.default_rng(seed)
        write_movie_submission(
            path,
            [
                dataclasses.replace(
                    row, values=row.values + noise * random.random(row.values.shape)
                )
                for row in self.rates[tier]
            ],
        )
        return path

    def write_folder(self, folder, **options):
        """Writes what submit.py does: a file for each tier, and their label."""
        files = [
            self.write_rates(folder / name, tier, **options)
            for tier, name in CHALLENGE.test_tiers.items()
        ]
        write_label(files, **LABEL)
        return folder


def populate(board, movies, **options):
    """Adds a competition of movies to a leaderboard."""
    with board.database.write() as connection:
        create_competition(
            board, connection, "movies", "Movies", challenge=CHALLENGE.name, **options
        )
    for name, track in CHALLENGE.tracks.items():
        for tier in track.phases.values():
            add_truth(board, boards.phase(board, name, tier), movies.truths[tier])


def enter(team, movies, *, who="ann", track="main", tiers=(LIVE,), name="gru", **options):
    """Submits rates; returns the submission's id."""
    paths = {
        tier: movies.write_rates(team.folder / f"rates_{tier}", tier, **options) for tier in tiers
    }
    return enter_files(team, paths, who=who, track=track, name=name)


def enter_files(team, paths, *, who="ann", track="main", name="gru"):
    """Submits files by tier; returns the submission's id."""
    board, person = team.board, team.people[who]
    files = {
        tier: boards.upload(board, person, path, track=track, tier=tier)
        for tier, path in paths.items()
    }
    request = Request(track=track, name=name, files=files, label=LABEL)
    return submit(board, person, request)["submission"]


def limit(team, submissions_a_day):
    """Sets how many submissions a day are scored."""
    with team.board.database.write() as connection:
        connection.execute(update(tracks).values(submissions_a_day=submissions_a_day))


def seen(team, submission, who="ann"):
    with team.board.database.read() as connection:
        return visible.submission(team.board, connection, team.people[who], submission)


def work(team, limits=None):
    """Scores all that waits as a worker does, each file in a process of its own."""
    while work_once(team.board, limits, say=lambda line: None):
        pass
