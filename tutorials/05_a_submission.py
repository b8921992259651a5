# %% [markdown]
# # 5. A submission
#
# In the competition one trains on a recording whose test responses are withheld, sends in the rates
# that the model predicts for them, and is scored by those who have the responses. Here we are both
# sides: we simulate such a recording, train on it, write the submission, and score it with the
# truth that the simulation keeps apart.
#
# For a published recording change the next line to `"mouse1", None` (track `sensorium`). Its true
# responses are not public, so *Score it* then scores nothing.

# %%
MOUSE, DATA_DIR = "practice", "data"

# %%
from pathlib import Path

import sensorium_tf
from sensorium_tf import evaluation, plotting, scoring

# %% [markdown]
# ## Prepare the recording
#
# `competition=True` gives the recording the form of the competition's, `behavior=False` that of
# `mouse1`, which holds no behavior. Beside the zip lies the truth, `<its name>_truth.npz`.

# %%
recording = None
if MOUSE == "practice":
    recording = sensorium_tf.simulate(
        "recordings", n_neurons=200, n_images=800, behavior=False, competition=True
    )
mouse = sensorium_tf.prepare(MOUSE, recording=recording, data_dir=DATA_DIR)
mouse

# %% [markdown]
# Both test tiers show repeated images. Their responses are zeros in the recording; trial ids are
# hashed, so that nobody learns from the trials shown just before or after:

# %%
test = mouse.trials("test")
print(f"responses of tier test: {test.responses.min():g} to {test.responses.max():g}")
print(f"first trial id: {test.trial_ids[0]}")

# %% [markdown]
# ## Train
#
# A small network and a short run, to be quick.

# %%
run = sensorium_tf.train(
    "cnn",
    MOUSE,
    workdir="runs/cnn",
    data_dir=DATA_DIR,
    hidden_channels=8,
    recipe="fast",
    epochs=6,
    batch_size=16,
    verbose=False,
)
sensorium_tf.evaluate(run)

# %% [markdown]
# Tier `test` cannot be scored, so `evaluate` takes `validation`, and says that it is not held out:
# by its score the best weights were chosen. There are no repeats in it, hence no oracle and no
# FEVE.
#
# ## Write the submission

# %%
live, final = sensorium_tf.submit(run)
print(live)
print(final)

# %% [markdown]
# One file for each test tier, `test` under the name `live_test`. A row is a trial; the rates and
# the unit ids that they belong to are lists in one cell each. The beginnings of the first rows:

# %%
for line in live.read_text().splitlines()[:3]:
    print(f"{line[:95]} ...")

# %% [markdown]
# Beside them lies `submission.json`. It says which model this is, which signals it was given, and
# by which trials it was trained and chosen. A reader who compares two submissions needs that: a
# model that saw behavior, or more mice, is not better for its higher score alone.

# %%
print(live.with_name("submission.json").read_text())

# %% [markdown]
# ## Score it
#
# The organisers' side. The ground truth is a file of the same form, with responses instead of
# rates:

# %%
files = {"test": live, "final_test": final}
truths = {
    tier: evaluation.ground_truth(
        MOUSE, tier, output="ground_truth", truth=recording, data_dir=DATA_DIR
    )
    for tier in files
    if recording is not None
}
scores = {tier: sensorium_tf.score(files[tier], truth) for tier, truth in truths.items()}
print(evaluation.scores_table(scores) if scores else "no truth, no scores")

# %% [markdown]
# How far is that from the oracle, what the repeats of an image tell about each other? (It is a soft
# bound: a mean over few repeats is noisy, and a good model can exceed it.)

# %%
for tier, found in scores.items():
    oracle = found["oracle"]["single_trial_correlation"]
    share = found["single_trial_correlation"] / oracle
    print(f"{tier:10}  oracle {oracle:.3f}; the submission reaches {share:.0%} of it")

# %% [markdown]
# `scoring.score_neurons` gives the scores of each neuron. The two tiers show different images, few
# of them, and the same neuron scores differently on each: on so few images the score of a single
# neuron is a rough estimate.

# %%
neurons = {
    tier: scoring.score_neurons(files[tier], truth).per_neuron["single_trial_correlation"]
    for tier, truth in truths.items()
}
plotting.paired_correlations(neurons) if neurons else None

# %% [markdown]
# With the truth at hand the model can be scored without files, too. That gives the same scores, and
# those of the true rates, which no model can be expected to beat:

# %%
sensorium_tf.evaluate(run, "test" if recording else "validation", truth=recording)

# %% [markdown]
# ## What can go wrong
#
# Trials are aligned by trial id and neurons by unit id, so that their order is free. All else has
# to be complete and sound; what is not gives a `SensoriumError`, one line that says where and what:

# %%
header, *rows = live.read_text().splitlines()
Path("damaged").mkdir(exist_ok=True)
reference = truths.get("test")
if reference is None:  # then the submission stands in for it
    reference = Path("damaged") / "reference.csv"
    reference.write_text("\n".join([header.replace("prediction", "responses"), *rows]))


def try_to_score(name, lines):
    path = Path("damaged") / f"{name}.csv"
    path.write_text("\n".join(lines))
    try:
        found = sensorium_tf.score(path, reference)
        print(f"single-trial correlation {found['single_trial_correlation']:.3f}")
    except sensorium_tf.SensoriumError as error:
        print(error)


try_to_score("reversed", [header, *rows[::-1]])
try_to_score("a_trial_short", [header, *rows[1:]])
try_to_score("a_trial_twice", [header, *rows, rows[0]])
try_to_score("not_a_number", [header, rows[0].replace("[", "[nan, ", 1), *rows[1:]])
try_to_score("other_column", [header.replace("prediction", "rates"), *rows])

# %%
try:
    sensorium_tf.score(final, reference)
except sensorium_tf.SensoriumError as error:
    print(error)

# %% [markdown]
# The launchers print the same line and end with status 1.
#
# ## On the command line
#
# ```
# python launch/simulate.py --output=recordings --competition --nobehavior
# python launch/prepare.py --recording=recordings/RECORDING.zip --name=practice
# python launch/train.py --mice=practice --model=cnn --workdir=runs/cnn
# python launch/submit.py --workdir=runs/cnn --mouse=practice
# python launch/ground_truth.py --mouse=practice --tier=test --output=ground_truth \
#     --truth=recordings/RECORDING.zip
# python launch/score.py --submission=runs/cnn/submission/submission_file_live_test.csv \
#     --ground_truth=ground_truth/ground_truth_file_test.csv
# ```
#
# ## The real recordings
#
# - `python launch/prepare.py --mice=mouse1,mouse2` downloads them, or takes the zips from
#   `--manual_dir`.
# - `mouse1` is for the track `sensorium` and holds no behavior. `mouse2` is for `sensorium_plus`:
#   train with `track="sensorium_plus"`, and score with `track="sensorium_plus"`, where FEVE is not
#   defined.
# - Leave out `hidden_channels`, `recipe`, `epochs` and `batch_size` for the published network and
#   recipe; that is work for a GPU. `seeds=(0, 1, 2)` trains an ensemble, whose mean is submitted.
# - A core may learn from the other mice as well: `mice="mouse1,mouse3,mouse4"`, then
#   `sensorium_tf.submit(run, "mouse1")`. `submission.json` tells.
# - To choose between models use `validation`, or `mouse3` to `mouse7`, whose test responses are
#   known.
