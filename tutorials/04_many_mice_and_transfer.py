# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 4. Many mice, and transfer to a new one
#
# One core for several mice, each with a readout of its own; then that core, frozen, on a mouse it
# has never seen and of which there are few trials. How much it helps is shown as a learning curve:
# the score over the number of training trials.

# %%
import sensorium_tf

# %% [markdown]
# The one line to change is the next: the last mouse is the new one, the others train the core. For
# the published mice, once `launch/prepare.py --mice=mouse3,mouse4,mouse5` has prepared them, write
# `MICE = ("mouse4", "mouse5", "mouse3")`.

# %%
MICE = ("simulated_a", "simulated_b", "simulated_c")

# %% [markdown]
# ## Three mice
#
# `simulate` writes a recording in the published file tree, `prepare` makes a dataset of it under a
# name of your choice; a recording that you have takes the second step alone. Another session key is
# another mouse: other neurons, elsewhere in cortex, that saw other images.

# %%
for number, name in enumerate(MICE, start=1):
    if name.startswith("simulated_"):
        recording = sensorium_tf.simulate(
            "recordings", session_key=f"1-1-{number}", n_neurons=100, n_images=600
        )
        sensorium_tf.prepare(name, recording=recording)

for name in MICE:
    mouse = sensorium_tf.load(name)
    print(f"{name}: {mouse.n_neurons} neurons, trials: {dict(mouse.tiers)}")

# %% [markdown]
# All models here are small and learn for a short time, so that this page is quick. Of the published
# mice 100 neurons are drawn as well.

# %%
SMALL = {"recipe": "fast", "hidden_channels": 16, "neurons": 100, "verbose": False}

# %% [markdown]
# ## One core for several mice
#
# Name several mice, and a step takes one batch of each: the losses are summed, all of them train
# the core, and each its own readout. At the command line it is
# `python launch/train.py --mice=mouse4,mouse5 --workdir=runs/donor`.

# %%
*known, new = MICE
donor = sensorium_tf.train("cnn", known, workdir="runs/donor", epochs=5, **SMALL)
print(sensorium_tf.evaluate(donor).report())

# %% [markdown]
# ## A new mouse, few trials
#
# `init_from` starts from the core of a trained model. The new mouse is not among the model's, so it
# gets a new readout; of a mouse that is, with the same neurons, readout and shifter would be taken
# over as well.
# `freeze_core` leaves the core as it is, and the few trials have only the readout to train.
#
# `train_trials` draws the trials to train on; the same seed draws the smaller sets from the larger.
# All runs take about as many steps, so fewer trials are seen more often. The weights are chosen by
# the validation trials, of which each run sees all.

# %%
BATCH_SIZE, STEPS = 8, 160  # the recipe's batches
NUMBERS = (50, 140, 400)

runs = {"from scratch": {}, "frozen core": {}}
for n_trials in NUMBERS:
    epochs = max(1, round(STEPS * BATCH_SIZE / n_trials))
    few = {"train_trials": n_trials, "epochs": epochs, "batch_size": BATCH_SIZE, **SMALL}
    runs["from scratch"][n_trials] = sensorium_tf.train(
        "cnn", new, workdir=f"runs/scratch_{n_trials}", **few
    )
    runs["frozen core"][n_trials] = sensorium_tf.train(
        "cnn",
        new,
        workdir=f"runs/frozen_{n_trials}",
        init_from="runs/donor/model.keras",
        freeze_core=True,
        **few,
    )

# %% [markdown]
# ## The learning curve
#
# Each point is the mean over the new mouse's neurons on the trials of tier `test`, which no run has
# seen, with its 95 % interval over neurons.

# %%
trials = sensorium_tf.load(new, neurons=SMALL["neurons"]).trials("test")
scores = {
    how: {
        n_trials: sensorium_tf.metrics.single_trial_correlation(
            trials.responses, run.predict("test")
        )
        for n_trials, run in each.items()
    }
    for how, each in runs.items()
}
for how, each in scores.items():
    print(f"{how}:", *(f"{each[n_trials].mean():.3f} ({n_trials} trials)" for n_trials in each))

# %%
figure = sensorium_tf.plotting.learning_curve(
    scores,
    oracle=sensorium_tf.metrics.oracle_correlation(trials.responses, trials.image_ids),
    title=f"{new}, a mouse that the core has not seen",
)
sensorium_tf.plotting.save_figure(figure, "learning_curve.png")
figure

# %% [markdown]
# Neuron by neuron, with the fewest trials. The comparison says aloud that the two are not equals:
# one of them started from weights that other mice have trained. For transfer that is the point; of
# two architectures it would forbid a ranking.

# %%
few = NUMBERS[0]
comparison = sensorium_tf.compare(runs["from scratch"][few], runs["frozen core"][few])
print(comparison.report())

# %% [markdown]
# What this can and cannot show: the curve is of one new mouse, one draw of trials and one seed
# (`subset_seed`, `seed` and `seeds` change them). So few steps are short, most of all for a core
# that starts from scratch: try more `STEPS`. The simulated mice have the same kinds of neurons and
# see images of the same statistics, so that a core has good reason to transfer; recorded mice
# differ in more. A core that is not frozen (leave out `freeze_core`) can go on learning, which may
# pay where there are trials enough.
#
# [The published networks](../docs/published_models.md) are such donors, too: import one and name it
# in `init_from`.
