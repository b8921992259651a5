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
# A custom core and a custom readout, each a class of some twenty lines; trained, reloaded, scored
# and compared like the baselines. Everything below is written into the folder where it runs.

# %%
import subprocess
import sys
from pathlib import Path

import numpy as np

import sensorium_tf
from sensorium_tf import testing
from sensorium_tf.registry import import_modules

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
SMALL = {"recipe": "fast", "epochs": 6, "neurons": 200, "verbose": False}

# %% [markdown]
# ## The module
#
# The parts live in a module, here `my_model.py`, so that every process can import it. Each is
# registered under a name, says its options in `Config`, and computes in `call`.
#
# - The **core** filters the image, squares what is positive, and divides it by the activity around:
#   divisive normalisation (Heeger, 1992). How much each channel counts in the divisor of each other
#   one is learnt. Its penalty is a Keras regularizer of the kernel.
# - The **readout** looks at the map through a Gaussian window, one for each neuron. It lies where a
#   linear map of the place in cortex says, from which each neuron may deviate; how wide it is, is
#   learnt as well. `set_coordinates` tells it the places; its `bias` lets the recipe `fast` start
#   each neuron at its mean response; `positions` is for figures. All three are optional.
#
# [Add a core](../docs/add_a_core.md) and [add a readout](../docs/add_a_readout.md) list all that
# such a class can have.

# %%
CODE = '''\
"""A core with divisive normalisation, and a readout that pools."""

import keras
from keras import ops

from sensorium_tf import config
from sensorium_tf.models import BatchNorm, CoreBase, ReadoutBase, normalize_coordinates
from sensorium_tf.registry import CORES, READOUTS


@CORES.register("normalization")
class NormalizationCore(CoreBase):
    """Squared filters, divided by the activity of all filters around."""

    class Config(config.Config):
        """Options of the core."""

        channels: int = config.setting(32, "Filters.", at_least=1)
        kernel: int = config.setting(9, "Their size, in pixels.", at_least=1)
        around: int = config.setting(5, "Size of the surround, in pixels.", at_least=1)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        first, second = map(keras.initializers.GlorotUniform, self.seeds(2))
        self.filters = keras.layers.Conv2D(
            self.config.channels,
            self.config.kernel,
            use_bias=False,
            kernel_initializer=first,
            kernel_regularizer=keras.regularizers.L2(0.1),
        )
        self.norm = BatchNorm(momentum=0.1)
        self.pool = keras.layers.Conv2D(
            self.config.channels, 1, activation="softplus", kernel_initializer=second
        )

    def call(self, images, training=None):
        drive = ops.relu(self.norm(self.filters(images), training=training)) ** 2
        nearby = ops.average_pool(drive, self.config.around, strides=1, padding="same")
        return drive / (1.0 + self.pool(nearby))

    def first_layer(self):
        return ops.convert_to_numpy(self.filters.kernel)


@READOUTS.register("pooling")
class PoolingReadout(ReadoutBase):
    """A Gaussian window for each neuron, placed by where the neuron lies in cortex."""

    class Config(config.Config):
        """Options of the readout."""

        sparseness: float = config.setting(0.0076, "L1 penalty on the features.", at_least=0)

    def build(self, input_shape):
        n, (_, self.height, self.width, channels) = self.n_neurons, input_shape
        constant = keras.initializers.Constant
        self.coordinates = self.add_weight((n, 2), "zeros", trainable=False, name="coordinates")
        self.retinotopy = self.add_weight((2, 2), "zeros", name="retinotopy")
        self.offset = self.add_weight((n, 2), "zeros", name="offset")
        self.log_size = self.add_weight((n, 2), constant(-2.0), name="log_size")
        self.features = self.add_weight((n, channels), constant(1 / channels), name="features")
        self.bias = self.add_weight((n,), "zeros", name="bias")

    def set_coordinates(self, cell_motor_coordinates):
        self.coordinates.assign(normalize_coordinates(cell_motor_coordinates))

    def positions(self):
        """Returns where each neuron looks, (x, y) in [-1, 1] over the map."""
        return ops.matmul(self.coordinates, self.retinotopy) + self.offset

    def window(self, axis, size):
        pixels = ops.linspace(-1.0, 1.0, size, dtype=self.compute_dtype)
        distance = pixels - self.positions()[:, axis, None]
        weight = ops.exp(-0.5 * (distance / ops.exp(self.log_size[:, axis, None])) ** 2)
        return weight / (ops.sum(weight, axis=1, keepdims=True) + 1e-6)

    def call(self, features, shift=None, training=None):
        seen = ops.einsum("bhwc,nw->bhnc", features, self.window(0, self.width))
        seen = ops.einsum("bhnc,nh->bnc", seen, self.window(1, self.height))
        return ops.sum(seen * self.features, axis=-1) + self.bias

    def penalty(self):
        return self.config.sparseness * ops.sum(ops.abs(self.features))
'''
Path("my_model.py").write_text(CODE)

# %% [markdown]
# Whether a part keeps to what a model asks of it is one call, which belongs into its test: it makes
# the part, calls it on images of several sizes, saves it and loads it again, and says in one line
# what is wrong.

# %%
import_modules(["my_model"])
testing.check_core("normalization(channels=4)")
testing.check_readout("pooling")

# %% [markdown]
# ## Train
#
# The parts take the places of the baseline's. At the command line it is
#
# ```
# python launch/train.py --modules=my_model --core="normalization(channels=16)" --readout=pooling \
#     --mice=simulated --workdir=runs/mine
# ```
#
# which finds `my_model.py` in the working folder, too.

# %%
mine = sensorium_tf.train(
    "cnn",
    MOUSE,
    workdir="runs/mine",
    core="normalization(channels=16)",
    readout="pooling",
    **SMALL,
)
print(mine.name, mine.provenance.describe(), sep="\n")

# %% [markdown]
# The run has all that a baseline's has: a line for each epoch, checkpoints from which it goes on
# when it is stopped, TensorBoard logs, and `model.keras` with the best weights.

# %%
print(*sorted(path.name for path in mine.folder.iterdir()), sep="  ")

# %% [markdown]
# ## Reload
#
# A run records the modules that its parts are from, and imports them when it is opened if they are
# still the same: `Run` needs no more than the folder. Keras's own `load_model` knows nothing of
# that: import the module first. The rates in a new process equal those here.

# %%
PROCESS = f"""
import numpy as np
import sensorium_tf

run = sensorium_tf.Run("runs/mine")
print(type(run.model.core).__name__, "and", type(run.model.readouts["{MOUSE}"]).__name__)
np.save("rates.npy", run.predict("validation"))
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
sensorium_tf.plotting.first_layer_filters(core.first_layer(), title="filters of the core")

# %%
sensorium_tf.plotting.receptive_field_positions(
    np.asarray(readout.positions()),
    mine.mouse().cell_motor_coordinates,
    title="where the readout looks",
)

# %% [markdown]
# The scores are those of every run; `evaluate` writes tables and more figures into the workdir.

# %%
print(sensorium_tf.evaluate(mine).report())

# %% [markdown]
# ## Compare
#
# The baselines, trained the same way on the same neurons and trials. `compare` takes the first run
# as the reference, and pairs the others with it neuron by neuron: the differences come with their
# 95 % intervals over neurons. An interval without zero says that the mean over neurons like these
# differs. It says nothing of other seeds, other recipes or longer training: one small run each is
# not enough to rank architectures.

# %%
ln = sensorium_tf.train("ln", MOUSE, workdir="runs/ln", hidden_channels=16, **SMALL)
cnn = sensorium_tf.train("cnn", MOUSE, workdir="runs/cnn", hidden_channels=16, **SMALL)
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
# - `track="sensorium_plus"` gives the core images of four channels. Where a readout sets
#   `takes_shift = True`, a shifter hands it `shift`; for this one choose `shifter="none"`.
# - `python launch/submit.py --workdir=runs/mine --mouse=mouse1` writes the submission files.
# - Several mice work without a change: each has its own readout.
# - Where parts are not enough, `--model=my_model:build` takes a function
#   `build(coordinates, *, inputs, seed)` that returns a whole `FiringRateModel`.
