"""Serves a leaderboard: pages, API and workers, until Ctrl-C.

    python launch/leaderboard.py
    python launch/leaderboard.py --database=postgresql://user@host/name --blobs=s3://bucket/x

The first start makes the tables and, unless --nodemo is given, a competition to look at: a mouse is
simulated, an LN and a CNN model are trained on it (demo.py, a few minutes) and registered as
submissions. Later starts serve at once. leaderboard_admin.py makes competitions, teams and tokens.
Behind a reverse proxy --base_url is the address that people open. With --oidc_issuer people log in
with an OpenID provider, too; the client's secret is in SENSORIUM_OIDC_SECRET.
"""

import os
import subprocess
import sys
from pathlib import Path

from sensorium_tf import cli
from sensorium_tf.flags import define_flags
from sensorium_tf.leaderboard.settings import (
    LeaderboardSettings,
    Limits,
    OidcSettings,
    ServeSettings,
)
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.simulation.settings import SimulationSettings

PLACE = define_flags(
    LeaderboardSettings,
    default_texts={"blobs": "beside an SQLite file", "base_url": "as each request names it"},
)
SERVICE = define_flags(ServeSettings)
LOGIN = define_flags(OidcSettings)
LIMITS = define_flags(Limits)
MOUSE = define_flags(
    SimulationSettings, ["neurons", "images", "seed"], defaults={"neurons": 200, "images": 700}
)
MODEL = define_flags(
    TrainingSettings,
    ["epochs", "hidden_channels"],
    defaults={"epochs": 25, "hidden_channels": 12},
)

_TIERS = ("test", "final_test")


def main() -> None:
    from sensorium_tf.config import from_flat
    from sensorium_tf.leaderboard.extra import check_extra

    check_extra()
    from sensorium_tf.leaderboard.board import Board
    from sensorium_tf.leaderboard.demonstration import is_empty
    from sensorium_tf.leaderboard.oidc import Provider
    from sensorium_tf.leaderboard.serving import serve

    place = from_flat(LeaderboardSettings, PLACE.values())
    service = from_flat(ServeSettings, SERVICE.values())
    login = from_flat(OidcSettings, LOGIN.values())
    provider = Provider.of(login, os.environ.get("SENSORIUM_OIDC_SECRET"))
    board = Board.open(
        place.database,
        place.blobs,
        limits=from_flat(Limits, LIMITS.values()),
        base_url=place.base_url,
    )
    board.database.upgrade()
    if service.demo and is_empty(board):
        _demo(board)
    serve(board, place, service, provider)


def _demo(board) -> None:
    """Runs the other commands for the demo's files, and registers them."""
    from sensorium_tf.io import expand
    from sensorium_tf.leaderboard.demonstration import make_demo

    output = expand(f"{board.blobs.place}_demo")
    recordings, data_dir = output / "recordings", output / "data"
    _run("demo", output=output, data_dir=data_dir, **MOUSE.values(), **MODEL.values())
    (truth,) = recordings.glob("*_truth.npz")
    for tier in _TIERS:
        _run(
            "ground_truth",
            mouse="demo",
            tier=tier,
            truth=truth,
            output=recordings,
            data_dir=data_dir,
        )
    submissions = {}
    for name in ("ln", "cnn"):
        folder = output / name / "submission"
        live, final = (folder / f"submission_file_{tier}_test.csv" for tier in ("live", "final"))
        submissions[name.upper()] = dict(zip(_TIERS, (live, final), strict=True))
    truths = {tier: recordings / f"ground_truth_file_{tier}.csv" for tier in _TIERS}
    print("\ntokens of the demo's people, shown this once:")
    for name, secret in make_demo(board, truths, submissions).items():
        print(f"  {name:15} {secret}")


def _run(verb: str, /, **values: str | int | Path) -> None:
    """Runs a command; ends this one if it fails."""
    flags = [f"--{name}={value}" for name, value in values.items()]
    if subprocess.run([sys.executable, "-m", "sensorium_tf", verb, *flags]).returncode:
        sys.exit(1)


if __name__ == "__main__":
    cli.run(main)
