# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 3. Your own model
#
# A new core and a new readout, each a Keras layer of some twenty lines; trained, reloaded, scored
# and compared like the baselines. Everything below is written into the folder where it runs.

# %%
import subprocess
import sys
from pathlib import Path

import numpy as np

import sensorium_tf

# %% [markdown]
# The one line to change is the next: `"simulated"` is made on the spot; `"mouse3"`, for example, is
# a published mouse once `launch/prepare.py --mice=mouse3` has prepared it.

# %%
MOUSE = "simulated"

# %% [markdown]
# To be quick all models here are small, see 200 neurons and learn for six epochs: enough to tell
# them apart, not to tell how good they can get. `recipe="published"` and no `SMALL` is the real
# thing.

# %%
SMALL = {"recipe": "fast", "epochs": 6, "hidden_channels": 16, "neurons": 200, "verbose": False}

# %% [markdown]
# ## The module
#
# The model lives in a module, here `my_model.py`, so that every process can import it.
#
# - The **core** filters the image, squares what is positive, and divides it by the activity around:
#   divisive normalisation (Heeger, 1992). How much each channel counts in the divisor of each other
#   one is learnt. Its penalty is a Keras regularizer of the kernel.
# - The **readout** looks at the map through a Gaussian window, one for each neuron. It lies where a
#   linear map of the place in cortex says, from which each neuron may deviate; how wide it is, is
#   learnt as well. `set_mean_rates` is optional: where a readout has it, the recipe `fast` starts
#   each neuron at its mean response.
# - `build` puts both into a `FiringRateModel`. It is given the neurons' coordinates for each mouse,
#   the track, the baselines' settings (use those that make sense to you) and the seed.
#
# [Add a core](../docs/add_a_core.md) and [add a readout](../docs/add_a_readout.md) list all that a
# model asks of a layer.

# %%
CODE = '''\
"""A core with divisive normalisation, and a readout that pools."""

import keras
from keras import ops

from sensorium_tf.models import BatchNorm, FiringRateModel, normalize_coordinates
from sensorium_tf.tracks import image_shape


@keras.saving.register_keras_serializable(package="my_model")
class NormalizationCore(keras.layers.Layer):
    """Squared filters, divided by the activity of all filters around."""

    def __init__(self, channels, *, kernel=9, around=5, **kwargs):
        super().__init__(**kwargs)
        self.channels, self.kernel, self.around = channels, kernel, around
        small = keras.regularizers.L2(0.1)
        self.filters = keras.layers.Conv2D(
            channels, kernel, use_bias=False, kernel_regularizer=small
        )
        self.norm = BatchNorm(momentum=0.1)
        self.pool = keras.layers.Conv2D(channels, 1, activation="softplus")

    def build(self, input_shape):
        self.filters.build(input_shape)
        for layer in (self.norm, self.pool):
            layer.build(self.compute_output_shape(input_shape))
        self.built = True

    def call(self, image, training=None):
        drive = ops.relu(self.norm(self.filters(image), training=training)) ** 2
        nearby = ops.average_pool(drive, self.around, strides=1, padding="same")
        return drive / (1.0 + self.pool(nearby))

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        return (batch, height - self.kernel + 1, width - self.kernel + 1, self.channels)

    def get_config(self):
        own = {"channels": self.channels, "kernel": self.kernel, "around": self.around}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="my_model")
class PoolingReadout(keras.layers.Layer):
    """A Gaussian window for each neuron, placed by where the neuron lies in cortex."""

    def __init__(self, n_neurons, **kwargs):
        super().__init__(**kwargs)
        self.n_neurons = n_neurons

    def build(self, input_shape):
        n, (_, self.height, self.width, channels) = self.n_neurons, input_shape
        constant, sparse = keras.initializers.Constant, keras.regularizers.L1(0.0076)
        self.coordinates = self.add_weight((n, 2), "zeros", trainable=False, name="coordinates")
        self.retinotopy = self.add_weight((2, 2), "zeros", name="retinotopy")
        self.offset = self.add_weight((n, 2), "zeros", name="offset")
        self.log_size = self.add_weight((n, 2), constant(-2.0), name="log_size")
        self.features = self.add_weight(
            (n, channels), constant(1 / channels), regularizer=sparse, name="features"
        )
        self.bias = self.add_weight((n,), "zeros", name="bias")
        self.built = True

    def centers(self):
        """Returns where each neuron looks, (x, y) in [-1, 1] over the map."""
        return ops.matmul(self.coordinates, self.retinotopy) + self.offset

    def window(self, axis, size):
        distance = ops.linspace(-1.0, 1.0, size) - self.centers()[:, axis, None]
        weight = ops.exp(-0.5 * (distance / ops.exp(self.log_size[:, axis, None])) ** 2)
        return weight / (ops.sum(weight, axis=1, keepdims=True) + 1e-6)

    def call(self, features, shift=None, training=None):
        seen = ops.einsum("bhwc,nw->bhnc", features, self.window(0, self.width))
        seen = ops.einsum("bhnc,nh->bnc", seen, self.window(1, self.height))
        return ops.sum(seen * self.features, axis=-1) + self.bias

    def set_mean_rates(self, means):
        means = ops.maximum(means, 0.05)
        self.bias.assign(ops.where(means < 1.0, ops.log(means), means - 1.0))

    def compute_output_shape(self, input_shape, *_, **__):
        return (input_shape[0], self.n_neurons)

    def get_config(self):
        return {**super().get_config(), "n_neurons": self.n_neurons}


def build(coordinates, *, track, settings, seed):
    """Makes the model for some mice."""
    keras.utils.set_random_seed(seed)
    core = NormalizationCore(settings.hidden_channels, name="core")
    readouts = {
        mouse: PoolingReadout(len(places), name=f"readout_{mouse}")
        for mouse, places in coordinates.items()
    }
    model = FiringRateModel(core, readouts, image_shape=image_shape(track))
    for mouse, places in coordinates.items():
        readouts[mouse].coordinates.assign(normalize_coordinates(places))
    return model
'''
Path("my_model.py").write_text(CODE)

# %% [markdown]
# ## Train
#
# `module:function` stands where `cnn` or `ln` would. At the command line it is
#
# ```
# python launch/train.py --model=my_model:build --mice=simulated --workdir=runs/mine
# ```
#
# which finds `my_model.py` in the working folder, too.

# %%
mine = sensorium_tf.train("my_model:build", MOUSE, workdir="runs/mine", **SMALL)
print(mine.provenance.describe())

# %% [markdown]
# The run has all that a baseline's has: a line for each epoch, checkpoints from which it goes on
# when it is stopped, TensorBoard logs, and `model.keras` with the best weights.

# %%
print(*sorted(path.name for path in mine.folder.iterdir()), sep="  ")

# %% [markdown]
# ## Reload
#
# In a new process `keras.models.load_model` needs to know the classes: import the module first.
# (The launchers do it with `--modules=my_model`.) The rates there equal those here.

# %%
PROCESS = f"""
import keras
import my_model
import numpy as np
import sensorium_tf

model = keras.models.load_model("runs/mine/model.keras")
print(type(model.core).__name__, "and", type(model.readouts["{MOUSE}"]).__name__)
np.save("rates.npy", sensorium_tf.Run("runs/mine").predict("validation"))
"""
done = subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, text=True)
assert done.returncode == 0, done.stderr
print(done.stdout)
difference = np.abs(np.load("rates.npy") - mine.predict("validation")).max()
print(f"largest difference of the rates: {difference:.1e}")

# %% [markdown]
# ## What it has learnt
#
# The model is a Keras model, its weights are where the layers keep them: the kernels of the first
# layer, and the places where the neurons look. (The L2 penalty keeps kernels small, not smooth; the
# baselines' core penalises roughness instead, with `sensorium_tf.models.laplace_norm`.)

# %%
core, readout = mine.model.core, mine.model.readouts[MOUSE]
sensorium_tf.plotting.first_layer_filters(
    np.asarray(core.filters.kernel), title="filters of the core"
)

# %%
sensorium_tf.plotting.receptive_field_positions(
    np.asarray(readout.centers()),
    mine.mouse().cell_motor_coordinates,
    title="where the readout looks",
)

# %% [markdown]
# The scores are those of every run; `evaluate` writes tables and more figures into the workdir.

# %%
print(mine.evaluate().report())

# %% [markdown]
# ## Compare
#
# The baselines, trained the same way on the same neurons and trials. `compare` takes the first run
# as the reference, and pairs the others with it neuron by neuron: the differences come with their
# 95 % intervals over neurons. An interval without zero says that the mean over neurons like these
# differs. It says nothing of other seeds, other recipes or longer training: one small run each is
# not enough to rank architectures.

# %%
ln = sensorium_tf.train("ln", MOUSE, workdir="runs/ln", **SMALL)
cnn = sensorium_tf.train("cnn", MOUSE, workdir="runs/cnn", **SMALL)
comparison = sensorium_tf.compare(cnn, ln, mine)
print(comparison.report())

# %%
scores = comparison.mice[MOUSE].scores
sensorium_tf.plotting.paired_correlations(
    {name: each.per_neuron["single_trial_correlation"] for name, each in scores.items()},
    title=MOUSE,
)

# %% [markdown]
# The simulated neurons are themselves divided by the contrast around them, about half of them are
# complex cells, and where they look is nearly a linear map of cortex: the simulation is kind to
# this model. What a recorded mouse says is one line away, at the top.
#
# A few hints:
#
# - Python keeps what it has imported: after an edit of `my_model.py` restart the notebook. A
#   changed model needs a new `workdir`.
# - `track="sensorium_plus"` gives images of four channels, which `image_shape(track)` knows. Only a
#   model with shifters gets the pupil center.
# - `python launch/submit.py --workdir=runs/mine --mouse=mouse1 --modules=my_model` writes the
#   submission files.
# - Several mice work without a change: `build` gets the coordinates of each.
