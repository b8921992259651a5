"""Scores what waits on a leaderboard; as many as you like, on any machine.

    python launch/leaderboard_worker.py --database=postgresql://user@host/name --blobs=s3://bucket/x

Each file is scored in a process of its own, with limits of memory and time. Ctrl-C or SIGTERM ends
the worker; what it was scoring goes back into the queue.
"""

from sensorium_tf import cli
from sensorium_tf.flags import define_flags
from sensorium_tf.leaderboard.settings import LeaderboardSettings, ScoringLimits, WorkerSettings

PLACE = define_flags(
    LeaderboardSettings,
    ["database", "blobs"],
    default_texts={"blobs": "beside an SQLite file"},
)
WORKER = define_flags(WorkerSettings)
LIMITS = define_flags(ScoringLimits)


def main() -> None:
    from sensorium_tf.config import from_flat
    from sensorium_tf.leaderboard.extra import check_extra

    check_extra()
    from sensorium_tf.leaderboard.board import Board
    from sensorium_tf.leaderboard.worker import run

    board = Board.open(PLACE["database"].value, PLACE["blobs"].value)
    limits = from_flat(ScoringLimits, LIMITS.values())
    run(board, limits, from_flat(WorkerSettings, WORKER.values()))


if __name__ == "__main__":
    cli.run(main)
