"""What organisers of a leaderboard do.

    python launch/leaderboard_admin.py --do=init --name=olga
    python launch/leaderboard_admin.py --do=competition --name=course --closes_at=2026-10-15T12:00
    python launch/leaderboard_admin.py --do=competition --name=movies --challenge=sensorium2023
    python launch/leaderboard_admin.py --do=truth --track=sensorium --tier=test --file=truth.csv
    python launch/leaderboard_admin.py --do=team --name=reds
    python launch/leaderboard_admin.py --do=invite --team=reds
    python launch/leaderboard_admin.py --do=token --name=olga --scopes=read,submit,admin
    python launch/leaderboard_admin.py --do=deadline --track=sensorium --tier=test --closes_at=...
    python launch/leaderboard_admin.py --do=reveal --track=sensorium --tier=final_test
    python launch/leaderboard_admin.py --do=rescore --track=sensorium --tier=test
    python launch/leaderboard_admin.py --do=pause --name=course
    python launch/leaderboard_admin.py --do=leave --name=ann --team=reds
    python launch/leaderboard_admin.py --do=backup --output=backups/today
    python launch/leaderboard_admin.py --do=export --output=public
    python launch/leaderboard_admin.py --do=doctor

--database names the leaderboard, as for leaderboard.py. init makes the tables, or brings them up to
date. open, close and deadline change when a phase takes uploads; pause and resume a whole
competition. disable cuts a user off, enable undoes it. A truth that is given again is a new
version, with which rescore scores; rescore also tries again what could not be scored.
"""

from sensorium_tf import cli
from sensorium_tf.flags import define_flags
from sensorium_tf.leaderboard.settings import AdminSettings, LeaderboardSettings

FLAGS = define_flags(AdminSettings, required=["do"])
PLACE = define_flags(LeaderboardSettings, default_texts={"blobs": "beside an SQLite file"})


def main() -> None:
    from sensorium_tf.config import from_flat
    from sensorium_tf.leaderboard.extra import check_extra

    check_extra()
    from sensorium_tf.leaderboard.admin import administrate
    from sensorium_tf.leaderboard.board import Board

    place = from_flat(LeaderboardSettings, PLACE.values())
    board = Board.open(place.database, place.blobs, base_url=place.base_url)
    print("\n".join(administrate(board, from_flat(AdminSettings, FLAGS.values()))))


if __name__ == "__main__":
    cli.run(main)
