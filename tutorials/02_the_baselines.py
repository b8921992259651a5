# %% [markdown]
# # 2. The baselines
#
# Two networks come with the benchmark. The **CNN** passes the image through a few convolutional
# layers, the *core*, which all neurons share; a *readout* then gives each neuron one position on
# the feature map and one weight for each feature. **LN** is the same without the nonlinearities of
# the core: a linear filter for each neuron, and an output nonlinearity that keeps rates positive.
# This page trains both, and the CNN once more with behavior, and asks which predicts better and how
# surely.
#
# It runs in about a minute, on a simulated mouse and with networks much smaller than the published
# ones. For a published mouse change `MOUSE` (`mouse3` to `mouse7`; `mouse1` and `mouse2` withhold
# the responses that the scores need). `SMALL` suits the simulated mouse: networks for a published
# one need more trials and steps to show what they can do, with `SMALL = {}` the published size and
# recipe, which is work for a GPU.

# %%
MOUSE = "simulated"
SMALL = {"hidden_channels": 8, "recipe": "fast", "epochs": 6, "batch_size": 16}

# %%
import keras
import numpy as np

import sensorium_tf
from sensorium_tf import plotting

mouse = sensorium_tf.load(MOUSE)
mouse

# %% [markdown]
# ## Build
#
# A model is a plain Keras model; this one has the published size. Its layers say what belongs to
# whom: one core, and for each mouse a readout, which is told where the neurons lie in cortex.

# %%
untrained = sensorium_tf.build("cnn", mouse)
untrained.summary()

# %%
test = mouse.trials("test")
rates = untrained({mouse.name: test.inputs(untrained.inputs, slice(10))})[mouse.name]
print(f"{rates.shape[0]} images in, the rates of {rates.shape[1]} neurons out")

# %% [markdown]
# ## Train
#
# A run lives in a folder, its *workdir*. The same call on the same folder goes on where a stopped
# run was, and does nothing to one that is finished. `verbose=False` only keeps the progress bars
# off this page.

# %%
ln = sensorium_tf.train("ln", MOUSE, workdir="runs/ln", verbose=False, **SMALL)
cnn = sensorium_tf.train("cnn", MOUSE, workdir="runs/cnn", verbose=False, **SMALL)
print("ln ", ln.provenance.describe())
print("cnn", cnn.provenance.describe())

# %% [markdown]
# To watch runs while they train, start `tensorboard --logdir runs` in a terminal, or in a notebook
# `%load_ext tensorboard` and `%tensorboard --logdir runs`. It shows loss and validation score, how
# the score is spread over neurons, filters and retinotopy as they form, and, under HParams, how
# runs with different settings ended. The numbers of each epoch are in the workdir too; those of the
# last one:

# %%
cnn.history()[-1]

# %% [markdown]
# ## Evaluate
#
# The test tier took no part in training. Three scores are computed for each neuron, of which the
# table has the mean and its 95 % interval over neurons:
#
# - *single-trial correlation* of rate and response, trial by trial. Noise caps it below one;
# - *correlation to average*: both are averaged over the repeats of an image first;
# - *FEVE*, the fraction of the explainable variance that is explained.

# %%
ln_scores = sensorium_tf.evaluate(ln, truth=mouse.truth_file)
ln_scores

# %%
cnn_scores = sensorium_tf.evaluate(cnn, truth=mouse.truth_file)
cnn_scores

# %% [markdown]
# What can be reached at all? The *oracle* predicts each trial by the mean of the other repeats of
# its image: a bound that every recording with repeats has, but a soft one, because a mean over few
# repeats is noisy itself. Of a simulated mouse the *true rates* are known, and no model can be
# expected to do better. They know behavior and eye position, which a model of the track `sensorium`
# is not given, and so explain more than repeats have in common: their FEVE can exceed 1.
#
# A mean hides how neurons differ:

# %%
bounds = cnn_scores.mice[MOUSE]
correlations = {
    "ln": ln_scores.mice[MOUSE].scores.per_neuron["single_trial_correlation"],
    "cnn": bounds.scores.per_neuron["single_trial_correlation"],
}
plotting.correlation_histogram(correlations, oracle=bounds.oracle)

# %% [markdown]
# ## Compare
#
# Both models predict the same neurons, so that they are compared neuron by neuron: what differs
# between neurons, above all their reliability, drops out of the difference. Its interval comes from
# drawing neurons anew 2000 times. One that leaves out zero says that other neurons of this
# recording would give the same verdict; it knows nothing of other mice, or of other seeds of the
# training.

# %%
sensorium_tf.compare(ln, cnn)

# %% [markdown]
# A point is a neuron. On the diagonal are those for which a linear filter does as well; far above
# it those of which LN predicts little or nothing, and the CNN more. In the simulation half of the
# neurons are complex cells, which answer to an edge and to its negative alike: no linear filter
# does that.

# %%
plotting.paired_correlations(correlations)

# %% [markdown]
# ## With behavior
#
# In the track `sensorium_plus` the model is given pupil dilation, its derivative and running speed
# as three more channels of the image; a *shifter* turns the pupil center into a shift of all
# positions.

# %%
plus = sensorium_tf.train(
    "cnn", MOUSE, workdir="runs/plus", track="sensorium_plus", verbose=False, **SMALL
)
sensorium_tf.compare(cnn, plus)

# %% [markdown]
# `not equals`: the second model was given more, so that a higher score does not make it the better
# network. It tells what behavior is worth: all but the signals was the same in both runs. Look at
# the single-trial correlation: averaging over repeats takes most of the behavior out again. For the
# same reason the oracle, which knows no behavior, is no bound here, and FEVE is not defined: no two
# repeats of an image have the same behavior. What a model was given goes with it into every table,
# comparison and submission.

# %%
plus_scores = sensorium_tf.evaluate(plus, truth=mouse.truth_file).mice[MOUSE].scores
correlations["cnn + behavior"] = plus_scores.per_neuron["single_trial_correlation"]
if bounds.truth is not None:
    correlations["true rates"] = bounds.truth.per_neuron["single_trial_correlation"]
plotting.score_distributions({MOUSE: correlations}, oracle={MOUSE: bounds.oracle})

# %% [markdown]
# A body is the density over neurons, its bar the quartiles, its dot the mean; the dashed line is
# the oracle's mean.
#
# ## What the models have learned
#
# The first layer of each network looks at the image through these filters, 9 x 9 pixels, each on a
# grey scale of its own. After so few steps much of the noise that they started as is still there;
# in longer runs a penalty on roughness smooths them.

# %%
plotting.first_layer_filters(np.asarray(ln.model.core.stem.kernel), title="ln")

# %%
plotting.first_layer_filters(np.asarray(cnn.model.core.stem.kernel), title="cnn")

# %% [markdown]
# Nobody told the readout where in the image a neuron looks. A small network predicts it from the
# neuron's place in cortex, and training fits that network to the responses. So the map from cortex
# to the visual field, *retinotopy*, can be read off the model. Left, the neurons in cortex; right,
# where their readouts look; a neuron has the same colour in both:

# %%
positions = np.asarray(cnn.model.readouts[MOUSE].positions())
plotting.receptive_field_positions(positions, mouse.cell_motor_coordinates)

# %% [markdown]
# ## On
#
# The best weights of a run are in `model.keras`, and load like any Keras model:

# %%
model = keras.models.load_model("runs/cnn/model.keras")
one_mouse = model.for_mouse(MOUSE)  # images in, rates out
rates = one_mouse.predict(test.inputs(model.inputs), verbose=0)
print(f"rates of {rates.shape[0]} trials and {rates.shape[1]} neurons")

# %% [markdown]
# On the command line the same is
#
# ```
# python launch/train.py --mice=mouse3 --model=ln --workdir=runs/ln
# python launch/train.py --mice=mouse3 --model=cnn --workdir=runs/cnn
# python launch/evaluate.py --workdir=runs/cnn
# python launch/evaluate.py --compare=runs/ln,runs/cnn
# ```
#
# `evaluate` writes `evaluation.json`, `neurons.csv` and most of these figures into the workdir.
