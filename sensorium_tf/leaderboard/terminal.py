"""What the commands of the leaderboard print."""

import sys
from collections.abc import Mapping
from typing import Any

_WIDTH = 30
_MIB = 1 << 20


def progress_bar(tier: str, done: int, total: int) -> None:
    """Shows how far an upload has come, on a terminal; elsewhere its end alone.

    Args:
        tier: Whose responses the file predicts.
        done: Bytes that are there.
        total: Bytes that there will be.
    """
    amount = f"{done / _MIB:.1f} of {total / _MIB:.1f} MiB"
    if sys.stderr.isatty():
        bar = "#" * (_WIDTH * done // total)
        end = "\n" if done == total else ""
        print(f"\r{tier:10} [{bar:{_WIDTH}}] {amount}", end=end, file=sys.stderr, flush=True)
    elif done == total:
        print(f"{tier}: {amount}", file=sys.stderr, flush=True)


def entry_text(entry: Mapping[str, Any]) -> str:
    """Returns an entry's scores and rank, as the API gives them, for people.

    Args:
        entry: As of `GET submissions/{id}`.
    """
    lines = [f"entry {entry['id']}: {entry['name']}, team {entry['team']}, track {entry['track']}"]
    if entry["standing"]:
        lines.append(f"ranked apart: {entry['standing']}")
    for name, phase in entry["phases"].items():
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
            would = "" if entry["published"] else ", were it published"
            lines.append(f"  {'rank':26} {phase['rank']}{would}")
    return "\n".join(lines)
