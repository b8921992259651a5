"""What the commands of the leaderboard print."""

import sys
from collections.abc import Mapping
from typing import Any

from sensorium_tf.leaderboard.settings import MIB

_WIDTH = 30


def progress_bar(tier: str, done: int, total: int) -> None:
    """Shows how far an upload has come, on a terminal; elsewhere its end alone.

    Args:
        tier: Whose responses the file predicts.
        done: Bytes that are there.
        total: Bytes that there will be.
    """
    amount = f"{done / MIB:.1f} of {total / MIB:.1f} MiB"
    if sys.stderr.isatty():
        bar = "#" * (_WIDTH * done // total)
        end = "\n" if done == total else ""
        print(f"\r{tier:10} [{bar:{_WIDTH}}] {amount}", end=end, file=sys.stderr, flush=True)
    elif done == total:
        print(f"{tier}: {amount}", file=sys.stderr, flush=True)


def submission_text(submission: Mapping[str, Any]) -> str:
    """Returns a submission's scores and rank, as the API gives them, for people.

    Args:
        submission: As of `GET submissions/{id}`.
    """
    whose = f"team {submission['team']}, track {submission['track']}"
    lines = [f"submission {submission['id']}: {submission['name']}, {whose}"]
    if submission["standing"]:
        lines.append(f"ranked apart: {submission['standing']}")
    for name, phase in submission["phases"].items():
        says = phase.get("error") or phase.get("says", "")
        lines.append(f"{name} ({phase['tier']}): {says}")
        for metric, score in phase.get("scores", {}).items():
            title = metric.replace("_", " ")
            if score["value"] is None:
                lines.append(f"  {title:26} none: {score['reason']}")
            else:
                interval = "" if score["low"] is None else f" [{score['low']}, {score['high']}]"
                lines.append(f"  {title:26} {score['value']}{interval}")
        if phase.get("rank") is not None:
            would = "" if submission["published"] else ", were it published"
            lines.append(f"  {'rank':26} {phase['rank']}{would}")
    return "\n".join(lines)
