# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 9. Movies
#
# The benchmark of 2023 shows movies: a trial is a clip of some seconds, and a neuron has a response
# for each of its frames. This page goes the whole way on a simulated mouse: a trial, an LN and a
# CNN that see the frames before as well, and a submission. What differs from images is said where
# it comes up; the rest is as on the other pages.
#
# It runs in about three minutes, with small frames and networks smaller than the published one. For
# a published mouse write `MOUSE, SMALL = "mouse1", {}`, which is work for a GPU; there is no truth
# then. The files of submissions need `pip install "sensorium_tf[movies]"`.

# %%
MOUSE = "movies"
SMALL = {
    "image_size": "18x32",
    "core": "factorised_3d(channels=(8, 16), spatial_kernels=(7, 3), temporal_kernels=(7, 5))",
    "epochs": 12,
}
DATA_DIR = "data"

# %%
import numpy as np

import sensorium_tf
from sensorium_tf import evaluation, plotting, scoring
from sensorium_tf.simulation import simulate_movie_recording

challenge = sensorium_tf.challenges.sensorium2023.CHALLENGE

# %% [markdown]
# ## The data
#
# The simulated mouse sees moving scenes while it runs and its pupil opens and closes. Its neurons
# have filters in space and time, and most of them prefer a direction of motion. `competition=True`
# withholds the responses of the test tiers.

# %%
recording = None
if MOUSE == "movies":
    recording = simulate_movie_recording(
        "recordings", n_neurons=60, n_clips=90, n_frames=120, n_repeats=4, competition=True
    )
mouse = sensorium_tf.data.prepare(
    MOUSE, recording=recording, data_dir=DATA_DIR, challenge=challenge
)
mouse

# %% [markdown]
# Trials may be of different lengths, and a recording of full size is too large for memory: `stream`
# gives one trial after another. All signals have a value for each frame, 30 a second.

# %%
movie = next(mouse.stream("train"))
for name, values in movie.signals.items():
    print(f"{name:13} {values.shape}")
print("frames of the training trials:", np.unique(mouse.n_frames["train"]))

# %% [markdown]
# Some frames of the movie, each beside what the population did at that time:

# %%
shown = np.arange(50, movie.n_frames, 12)[:5]
plotting.images_with_responses(movie.signals["video"][shown], movie.signals["response"][shown])

# %% [markdown]
# ## Two baselines
#
# Both are given the frames with behavior stacked to them as channels, and the pupil center. Their
# core is the published one, a convolution in space and one in time by turns; LN has no nonlinearity
# in it. Training takes a window of 80 frames of each trial, another one in each epoch.

# %%
runs = {}
for model in ("ln", "cnn"):
    runs[model] = sensorium_tf.train(
        model,
        MOUSE,
        challenge="sensorium2023",
        workdir=f"runs/movies_{model}",
        data_dir=DATA_DIR,
        recipe="fast",
        verbose=False,
        **SMALL,
    )
    print(runs[model].name, "loses", runs[model].model.lost_frames, "frames at the beginning")

# %% [markdown]
# A frame at the beginning has no frames before it to look at. Scores leave out the first 50 frames
# of each trial, whatever a model loses.
#
# ## Scores
#
# Tier `oracle` chose the weights. Its six movies are repeated, so that there is an oracle: what the
# mean of the other repeats predicts. The truth that the simulation left beside the recording gives
# the true rates, which no model can beat by much.

# %%
evaluations = {
    model: sensorium_tf.evaluate(run, "oracle", truth=recording) for model, run in runs.items()
}
evaluations["cnn"]

# %%
scores = {model: each.mice[MOUSE] for model, each in evaluations.items()}
correlations = {
    model: each.scores.per_neuron["single_trial_correlation"] for model, each in scores.items()
}
plotting.paired_correlations(correlations)

# %% [markdown]
# Responses are scored frame by frame, trial after trial. A trial over time, for some neurons from
# the best predicted to the median one:

# %%
cnn = scores["cnn"]
trial = cnn.trial_ids == cnn.trial_ids[0]
plotting.response_traces(
    cnn.responses[trial],
    cnn.rates[trial],
    correlations=correlations["cnn"],
    unit_ids=cnn.unit_ids,
    frame_rate=challenge.frame_rate,
    first_frame=challenge.skip_frames,
)

# %% [markdown]
# ## A submission
#
# It is one parquet file for each tier, of all mice of the run, and a zip of them. Two tiers show
# movies like those of training, two show other stimuli ("bonus", out of domain).

# %%
*files, together = sensorium_tf.submit(runs["cnn"])
for path in files:
    print(path.name)
print("all of them:", together)

# %% [markdown]
# Those who have the responses score it. Here the truth has them:

# %%
if recording is not None:
    for tier, file in zip(challenge.test_tiers, files, strict=True):
        truth = evaluation.movie_ground_truth(
            MOUSE, tier, output="recordings", truth=recording, data_dir=DATA_DIR
        )
        found = scoring.score(file, truth, challenge=challenge)
        print(f"{tier:17}", {name: round(found[name], 3) for name in challenge.metrics})
