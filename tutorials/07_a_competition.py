# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 7. A competition
#
# A course or a lab sets its own competition: recordings whose test responses are withheld, a
# leaderboard that scores what comes in, and a final score that nobody knows before the end. Here we
# are both sides, from the first table to the exported results. The service needs the extra
# `leaderboard`: `pip install "sensorium_tf[leaderboard]"`.

# %%
import subprocess
import sys
from pathlib import Path

import numpy as np

import sensorium_tf
from sensorium_tf import evaluation, scoring
from sensorium_tf.leaderboard import accounts, client, invitations, sending
from sensorium_tf.leaderboard.admin import administrate
from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.settings import AdminSettings
from sensorium_tf.recordings.truth import Truth

DATABASE, MOUSE, DATA_DIR = "board/board.db", "contest", "data"

# %% [markdown]
# ## Recording and ground truth
#
# What the participants get is the zip. What they do not get are the ground-truth files, one for
# each test tier: `test`, scored at once, and `final_test`, scored at the end.
# [Add a mouse](../docs/add_a_mouse.md) says how to make recordings of your own.

# %%
recording = sensorium_tf.simulate(
    "recordings", n_neurons=60, n_images=300, behavior=False, competition=True
)
mouse = sensorium_tf.prepare(MOUSE, recording=recording, data_dir=DATA_DIR)
truths = {
    tier: evaluation.ground_truth(MOUSE, tier, output="truths", truth=recording, data_dir=DATA_DIR)
    for tier in ("test", "final_test")
}
mouse

# %% [markdown]
# ## Make the competition
#
# What `launch/leaderboard_admin.py --do=...` does is one function. Each call here is one command
# there, with the same names. `init` makes the tables and an organiser, whose token is shown once:

# %%
board = Board.open(DATABASE)


def admin(do, **values):
    """Does what `leaderboard_admin.py --do=DO` does; returns the lines that it prints."""
    return administrate(board, AdminSettings(do=do, **values))


made, *_ = admin("init", name="olga")
print(made)

# %% [markdown]
# A competition has the two tracks of its challenge, and each track has a live and a final phase. A
# phase needs its ground truth; one without takes nothing. (`closes_at` sets a deadline. Here the
# organiser ends it by hand.)

# %%
print(*admin("competition", name="course", title_text="A course", submissions_a_day=3), sep="\n")
for tier, file in truths.items():
    print(*admin("truth", track="sensorium", tier=tier, file=str(file)), sep="\n")

# %% [markdown]
# ## Invite a team
#
# An invitation is an address for one person, who opens it, chooses a name, and makes a token on the
# page `/me`. Without a browser we accept it, and make the token, ourselves:

# %%
admin("team", name="reds")
_, address = admin("invite", team="reds")
print(f"{address[:24]}...")

with board.database.write() as connection:
    invitation = address.partition("=")[2]
    ann = invitations.accept_invitation(board, connection, invitation, "ann")
    token = accounts.issue_token(board, connection, ann, "ann's laptop")
print(f"{token[:14]}...")

# %% [markdown]
# ## Open
#
# The service and one worker, on a free port. At the command line:
# `python launch/leaderboard.py --database=board/board.db --demo=false`. A browser on this machine
# shows the pages; [the leaderboard](../docs/leaderboard.md) says how to bring them to the internet.

# %%
service = subprocess.Popen(
    [
        *(sys.executable, "-m", "sensorium_tf", "leaderboard"),
        *(f"--database={DATABASE}", "--demo=false", "--port=0"),
    ],
    stdout=subprocess.PIPE,
    text=True,
)
server = service.stdout.readline().split()[0]
print(server.rpartition(":")[0])

# %% [markdown]
# ## Two submissions
#
# Participants train a model and write its predictions with `sensorium_tf.submit(run)`, as in
# [a submission](05_a_submission.py). To be quick we train nothing, and cheat: our predictions are
# the simulation's true rates with noise on them, less in the second submission.

# %%
truth, random = Truth.load(recording), np.random.default_rng(0)


def write_rates(name, noise):
    """Writes the files of a submission; returns them by tier."""
    files = {}
    for tier, file_name in zip(truths, ("live_test", "final_test"), strict=True):
        trials = mouse.trials(tier)
        _, rates = mouse.standardize(truth, trials)
        files[tier] = Path(name) / f"submission_file_{file_name}.csv"
        scoring.write_submission(
            files[tier],
            rates=rates * random.lognormal(sigma=noise, size=rates.shape),
            trial_ids=trials.trial_ids,
            image_ids=trials.image_ids,
            unit_ids=mouse.unit_ids,
        )
    provenance = {"inputs": ["image"], "trained_on": ["train"], "chosen_by": "validation"}
    scoring.write_label([*files.values()], model="a guess", mouse=MOUSE, provenance=provenance)
    return files


submissions = {"rough": write_rates("rough", 1.5), "fine": write_rates("fine", 0.5)}

# %% [markdown]
# `launch/upload.py` is a short program around `sensorium_tf/leaderboard/sending.py`: it uploads in
# slices, waits for the scores, and publishes the submission if it is told to. One that is not
# published is seen by its team alone.

# %%
reds = client.Client(server, token)
for name, files in submissions.items():
    receipt = sending.submit(reds, files, track="sensorium", name=name)
    submission = sending.finish(reds, receipt, publish=True)
    print(f"{name}: {submission['phases']['live']['scores']['correlation_to_average']}")

# %% [markdown]
# ## Rank
#
# The table as anybody reads it, without a token. A track is ranked by its primary metric:

# %%


def show(phase):
    """Prints the table of a phase."""
    path = f"/leaderboard.json?track=sensorium&phase={phase}"
    (table,) = client.Client(server).call("GET", path)[0]["tables"]
    print(f"{phase}, by {table['primary_metric']}")
    for group in table["groups"]:
        for each in group["submissions"]:
            score = each["scores"][table["primary_metric"]]
            interval = f"{score['low']:.4f} to {score['high']:.4f}"
            print(f"  {each['rank']}  {each['name']:8} {score['value']:.4f}  ({interval})")
    return table


assert [each["name"] for each in show("live")["groups"][0]["submissions"]] == ["fine", "rough"]

# %% [markdown]
# The final files were checked for trials, images and neurons. They were not scored: what is not
# computed cannot leak.

# %%
assert not show("final")["groups"]

# %% [markdown]
# ## Close
#
# A competition that is paused takes nothing new:

# %%
print(*admin("pause", name="course"), sep="\n")
try:
    sending.submit(reds, submissions["fine"], track="sensorium", name="too late")
except sensorium_tf.SensoriumError as error:
    print(str(error).partition(": ")[2])

# %% [markdown]
# ## Reveal
#
# Now the final files are scored, for the first time, and the phase is closed for good. The worker
# takes a second or two:

# %%
print(*admin("reveal", track="sensorium", tier="final_test"), sep="\n")
submission = sending.finish(reds, receipt)
assert submission["phases"]["final"]["state"] == "done"
show("final")["revealed"]

# %% [markdown]
# ## Export
#
# All that is public as JSON and CSV, at any time and without the service: the results outlive the
# site.

# %%
exported = [Path(path) for path in admin("export", output="results")]
for line in exported[1].read_text().splitlines():
    print(line[:95])

# %% [markdown]
# `backup` copies everything, submitted files too, while the service runs. `doctor` says what is
# wrong with it, if anything is. Then the service and its worker end, as with Ctrl-C:

# %%
print(*admin("backup", output="backup"), *admin("doctor"), sep="\n")
service.terminate()
service.communicate()
assert service.returncode == 0
