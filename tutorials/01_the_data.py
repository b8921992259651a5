# %% [markdown]
# # 1. The data
#
# What a Sensorium recording holds, and how reliably its neurons respond. This page runs on a small
# simulated mouse that the package makes itself, in a few seconds. For a published mouse change one
# line, `MOUSE`, after `python launch/prepare.py --mice=mouse3`. It takes `mouse3` to `mouse7`:
# `mouse1` and `mouse2` withhold the responses to repeated images, which the second half is about.

# %%
MOUSE = "simulated"

# %%
import numpy as np
import tensorflow_datasets as tfds

import sensorium_tf
from sensorium_tf import metrics, plotting
from sensorium_tf.challenges import sensorium2022
from sensorium_tf.data import Trials

mouse = sensorium_tf.load(MOUSE)
mouse

# %% [markdown]
# The mouse looked at natural images, each for half a second, while its neurons in primary visual
# cortex (V1) were imaged with two photons. (The simulated mouse "saw" dead leaves: occluding shapes
# that share the statistics of natural scenes. Its neurons are Gabor filters with contrast
# normalisation, a gain that follows behavior, and noise.) Trials come in tiers:
#
# - `train` and `validation`: every image once;
# - `test`: few images, about ten times each. Such repeats tell signal from noise.
#
# The competition's recordings (`mouse1`, `mouse2`) have one more tier of repeats, `final_test`.
#
# ## A trial
#
# A prepared mouse is a TFDS dataset with a split for each tier. Nothing in it is normalised:

# %%
raw, info = tfds.load(f"sensorium/{MOUSE}", split="train", with_info=True)
for name, value in next(iter(raw)).items():
    print(f"{name:13} {value.dtype.name:8} {value.shape}")

# %% [markdown]
# - `response`: the deconvolved calcium signal of each neuron, a number that stands for its activity
#   while the image was shown;
# - `behavior`: pupil dilation, its derivative and running speed;
# - `pupil_center`: where the eye looks, in pixels of the eye camera;
# - `image_id`: trials that have it in common showed the same image.
#
# What belongs to the neurons is metadata. Of the first one:

# %%
for name, values in info.metadata["neurons"].items():
    print(f"{name:23} {values[0]}")

# %% [markdown]
# `mouse.trials` gives a tier as models see it, as arrays:
#
# - images are z-scored and resized to 36 x 64 pixels;
# - responses are divided by each neuron's standard deviation over the training trials, so that
#   strong and weak neurons count alike; so is behavior;
# - the pupil center is z-scored.
#
# [The formulas](../docs/formulas.md) have the details.

# %%
train = mouse.trials("train")
print(train)
print("images   ", train.images.shape)
print("responses", train.responses.shape)

# %% [markdown]
# ## Images and responses
#
# Six images beside what the whole population answered, a line for each neuron. Responses are
# sparse: to any image most neurons say little and a few say a lot, other ones each time.

# %%
plotting.images_with_responses(train.images[:6], train.responses[:6])

# %%
silent = np.mean(train.responses < 0.1)
strong = np.sort(train.responses, axis=1)[:, ::-1]
tenth = max(1, mouse.n_neurons // 10)
share = np.mean(strong[:, :tenth].sum(axis=1) / strong.sum(axis=1))
print(f"{silent:.0%} of all responses are below 0.1 std")
print(f"the most active tenth of the neurons gives {share:.0%} of the activity in a trial")

# %% [markdown]
# 200 neurons in 200 trials. The numbers of the trials in the file are shuffled; their ids count in
# the order in which they were shown, into which `as_shown` puts the trials of all tiers. Neurons
# that are active together lie side by side. Dark columns that run through many rows are trials in
# which nearly everybody was active, whatever the image.

# %%
session = Trials.concatenate([mouse.trials(tier) for tier in mouse.tiers]).as_shown()
plotting.response_raster(session.responses, n_neurons=200, n_trials=200)

# %% [markdown]
# ## Behavior and eye
#
# The same session: the state of the animal changes over seconds to minutes.

# %%
plotting.signal_traces(session.signals, recording=mouse.spec)

# %%
activity = session.responses.mean(axis=1)
for column, name in enumerate(("pupil dilation", "its derivative", "running speed")):
    correlation = np.corrcoef(session.signals["behavior"][:, column], activity)[0, 1]
    print(f"{name:15} correlates with the mean activity by {correlation:+.2f}")

# %% [markdown]
# A model of the track `sensorium` is given the image alone: what goes with behavior is noise to it.
# One of `sensorium_plus` is given behavior and pupil center as well.
#
# ## How reliable a neuron is
#
# The same image does not give the same response twice. Here is the most reliable neuron, with every
# trial of each repeated image:

# %%
test = mouse.trials("test")
fev = metrics.explainable_variance(test.responses, test.image_ids)
oracle = metrics.oracle_correlation(test.responses, test.image_ids)
best = np.argmax(fev)
plotting.repeated_responses(
    test.responses[:, best],
    test.image_ids,
    title=f"unit {mouse.unit_ids[best]}: FEV {fev[best]:.2f}, oracle {oracle[best]:.2f}",
)

# %% [markdown]
# and a neuron in the middle of the population:

# %%
median = np.argsort(fev)[len(fev) // 2]
plotting.repeated_responses(
    test.responses[:, median],
    test.image_ids,
    title=f"unit {mouse.unit_ids[median]}: FEV {fev[median]:.2f}, oracle {oracle[median]:.2f}",
)

# %% [markdown]
# Two numbers say how much of a neuron's responses an image can explain.
#
# **Explainable variance (FEV)**. With $\sigma^2$ the variance over all trials and
# $\sigma_\varepsilon^2$ the variance over the repeats of an image, averaged over images,
#
# $$\mathrm{FEV} = \frac{\sigma^2 - \sigma_\varepsilon^2}{\sigma^2}$$
#
# It is 1 if repeats are identical, and 0 if images make no difference; the estimate can be below
# zero. A model's FEVE (fraction of explainable variance explained) is counted over neurons with an
# FEV of 0.15 or more: of less than that no fraction can be measured well.
#
# **Oracle**. Predict each trial by the mean response to the *other* repeats of its image, and
# correlate prediction and response over trials. It is what the image alone can tell about single
# trials, estimated without any model. Two things to keep in mind: a mean over nine repeats is still
# noisy, so that a good model can come out above it; and it knows no behavior, while a model of
# `sensorium_plus` does.

# %%
plotting.reliability_histograms(fev, oracle)

# %%
counted = np.mean(fev >= sensorium2022.CHALLENGE.fev_threshold)
print(f"FEV: mean {fev.mean():.2f}; {counted:.0%} of the neurons count in FEVE")
print(f"oracle: mean {oracle.mean():.2f}")
print(f"FEV and oracle correlate over neurons by {np.corrcoef(fev, oracle)[0, 1]:.2f}")

# %% [markdown]
# ## Neurons in cortex
#
# Every neuron has a place in cortex, in micrometres, the surface above. Coloured by reliability:

# %%
plotting.neurons_in_cortex(
    mouse.cell_motor_coordinates, oracle, label="oracle (correlation)", title=mouse.name
)

# %% [markdown]
# Reliable and unreliable neurons lie side by side. What does change with the place in cortex is
# where in the image a neuron looks: [the next page](02_the_baselines.py) has that map.
#
# ## On
#
# - `sensorium_tf.load(MOUSE, neurons=200, min_fev=0.15)` opens a part of a mouse;
# - `sensorium_tf.data.batches` gives batches of one or several mice for a model;
# - [the recording format](../docs/recording_format.md): what a custom recording must look like.
