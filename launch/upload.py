"""Uploads a submission to a leaderboard, waits for the scores and prints them.

    python launch/upload.py --server=https://host --track=sensorium --submission=DIR --name="My CNN"
    python launch/upload.py --server=https://host --track=main --submission=DIR --name="My GRU"

The token is taken from the variable SENSORIUM_TOKEN. The server says which challenge the track is
of; its files, which submit.py wrote, are checked first, with the code that the server runs. The
same command again goes on where an upload stopped. The submission is the team's own until it is
published.
"""

import json
import os

from sensorium_tf import cli
from sensorium_tf.flags import define_flags
from sensorium_tf.leaderboard.settings import UploadSettings

FLAGS = define_flags(UploadSettings, required=["server", "submission", "name"])


def main() -> None:
    from sensorium_tf.config import from_flat
    from sensorium_tf.errors import SensoriumError
    from sensorium_tf.leaderboard import sending
    from sensorium_tf.leaderboard.client import Client
    from sensorium_tf.leaderboard.terminal import progress_bar, submission_text
    from sensorium_tf.scoring import check_submission

    settings = from_flat(UploadSettings, FLAGS.values())
    token = os.environ.get("SENSORIUM_TOKEN")
    if not token:
        raise SensoriumError("SENSORIUM_TOKEN is not set: make a token on the page /me")
    client = Client(settings.server, token)
    there = sending.track_there(client, settings.track)
    files = sending.submission_files(settings.submission, there.challenge, there.rules)
    for tier, path in files.items():
        found = check_submission(path, challenge=there.challenge)
        if not settings.json:
            print(f"{path}: {found['trials']} trials of {tier}, {found['neurons']} neurons")
    receipt = sending.submit(
        client,
        files,
        track=settings.track,
        name=settings.name,
        team=settings.team,
        method=settings.method,
        links=settings.links,
        baseline=settings.baseline,
        challenge=there.challenge,
        progress=progress_bar,
    )
    found = sending.finish(client, receipt, publish=settings.publish, wait=settings.wait)
    print(json.dumps(found) if settings.json else f"receipt {receipt['receipt']}")
    if not settings.json:
        print(submission_text(found))


if __name__ == "__main__":
    cli.run(main)
