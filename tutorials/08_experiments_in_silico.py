# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 8. Experiments in silico
#
# A model that predicts responses can be asked what no recording has time for. This page trains a
# CNN on a simulated mouse and asks it of the twenty most reliable neurons: where they look, how
# they are tuned to orientation, which image excites them most. The simulated mouse knows the
# answers, so that each stands beside the truth.
#
# It runs in about a minute, with a network smaller than the published one. For a published mouse
# change `MOUSE` (`mouse3` to `mouse7`) and write `SMALL = {}`, which is work for a GPU; there is no
# truth then.

# %%
MOUSE = "simulated"
SMALL = {"hidden_channels": 12, "recipe": "fast", "epochs": 8, "batch_size": 16}

# %%
import numpy as np
from matplotlib import pyplot as plt

import sensorium_tf
from sensorium_tf import insilico
from sensorium_tf.recordings import Truth

mouse = sensorium_tf.load(MOUSE)
run = sensorium_tf.train("cnn", MOUSE, workdir="runs/insilico", verbose=False, **SMALL)
evaluation = sensorium_tf.evaluate(run)
print(evaluation.report())

# %% [markdown]
# ## Which neurons
#
# Those whose responses to repeats of an image agree best: the oracle, which predicts a trial by the
# mean over the other repeats, has the highest correlation with them. Neurons go by their unit ids.

# %%
scores = evaluation.mice[MOUSE]
oracle = scores.oracle
reliable = np.argsort(-oracle)[:20]
unit_ids = mouse.unit_ids[reliable]
print("unit ids:", unit_ids)
print(
    "mean correlation of the model:",
    scores.scores.per_neuron["single_trial_correlation"][reliable].mean().round(3),
)

# %% [markdown]
# ## Where they look
#
# The gradient of a neuron's rate says which pixels it depends on. A complex cell's has another sign
# at each image, so that it is taken at many natural images: the place is that of its energy.

# %%
fields = insilico.receptive_fields(run, unit_ids, at="natural", n_images=40)
fields.figure()

# %% [markdown]
# ## How they are tuned
#
# All neurons see the same gratings: 12 orientations, 6 wavelengths and 8 phases.

# %%
tuning = insilico.orientation_tuning(run, unit_ids)
tuning.figure()

# %% [markdown]
# ## What excites them most
#
# Gradient ascent from noise, on images of one mean and norm. Few steps are enough to see what comes
# out; an experiment takes a thousand. The best of the images that the mouse was shown, at the same
# mean and norm, is what they have to beat.

# %%
exciting = insilico.most_exciting_image(run, unit_ids, steps=60, n_starts=2)
exciting.figure()

# %%
natural = insilico.best_natural_image(run, unit_ids)
print(f"higher than to the best natural image: {(exciting.rates > natural.rates).sum()} of 20")

# %% [markdown]
# ## The truth beside it
#
# The file beside a simulated recording tells each neuron's place, orientation and more.


# %%
def apart(found, true):
    """Returns the angle between orientations, 0 to 90 degrees."""
    difference = np.degrees(found - true) % 180
    return np.minimum(difference, 180 - difference)


if mouse.truth_file is not None:
    neurons = Truth.load(mouse.truth_file).neurons
    off = np.linalg.norm(fields.places - neurons["place"][reliable], axis=1)
    print(f"place: median {np.median(off):.1f} pixels off")
    wrong = apart(tuning.preferred, neurons["orientation"][reliable])
    print(f"preferred orientation: median {np.median(wrong):.0f} degrees off")

# %% [markdown]
# ## A map of cortex
#
# Orientation has no beginning and no end, and neither has the scale of colours. All neurons are
# asked at once: the gratings are the same.

# %%
everyone = insilico.orientation_tuning(run)
maps = {"the model": everyone.preferred}
if mouse.truth_file is not None:
    maps["the simulated mouse"] = neurons["orientation"] % np.pi

figure, panels = plt.subplots(
    1, len(maps), figsize=(4.2 * len(maps), 3.6), squeeze=False, sharey=True, layout="constrained"
)
for axes, (name, angles) in zip(panels[0], maps.items(), strict=True):
    x, y, _ = mouse.cell_motor_coordinates.T
    drawn = axes.scatter(x, y, c=np.degrees(angles), cmap="hsv", vmin=0, vmax=180, s=12)
    axes.set(title=name, xlabel="cortex x (µm)", aspect="equal")
panels[0, 0].set_ylabel("cortex y (µm)")
figure.colorbar(
    drawn, ax=panels, label="preferred orientation (degrees)", ticks=[0, 45, 90, 135, 180]
)
figure

# %% [markdown]
# `launch/insilico.py` does the same from the command line, with a page for each experiment, and
# goes on where it was ended; the page "Experiments on a model" lists them all.
