# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # 6. Coming from PyTorch
#
# For those who know the starting kit
# ([github.com/sinzlab/sensorium](https://github.com/sinzlab/sensorium)): what its calls and names
# are here, how its checkpoints are read and written, that the numbers are equal, and what differs.

# %%
import importlib.util

import keras
import numpy as np

import sensorium_tf
from sensorium_tf.interop.pytorch import load_published, save_published
from sensorium_tf.registry import RECIPES

HAS_TORCH = importlib.util.find_spec("torch") is not None
print("PyTorch is", "there" if HAS_TORCH else "missing: pip install '.[published]'")

# %% [markdown]
# The one line to change is the next. The kit's trained networks come with its repository, in
# `notebooks/model_tutorial/model_checkpoints/pretrained`; with one of them and mouse1 prepared
# (`launch/prepare.py --mice=mouse1`) write `"sensorium_sota_model.pth", "mouse1"`. Without a
# checkpoint this page trains a small CNN and writes one.

# %%
CHECKPOINT, MOUSE = None, "simulated"

# %% [markdown]
# ## Data
#
# | starting kit | here |
# |---|---|
# | `paths` of the zips | `launch/prepare.py --mice=mouse1 --manual_dir=DIR`, once |
# | `get_data("sensorium.datasets.static_loaders", config)` | `sensorium_tf.load("mouse1")` |
# | `dataloaders["train"][key]` | `mouse.trials("train")`; for a loop `sensorium_tf.data.batches` |
# | data key `"26872-17-20"` | mouse `"mouse1"`; `mouse.session_key` |
# | `normalize=True, scale=0.25` | always so |
# | `include_behavior=True, include_eye_position=True` | `track="sensorium_plus"` |
# | `areas`, `layers`, `neuron_ids`, `neuron_n` | `areas`, `layers`, `unit_ids`, `neurons` |
# | `image_n` | `train_trials`, of `train` |
# | `(batch, channels, height, width)` | `(batch, height, width, channels)` |

# %%
mouse = sensorium_tf.load(MOUSE)
validation = mouse.trials("validation")
print(f"{mouse.name}, session key {mouse.session_key}: {mouse.n_neurons} neurons")
inputs = mouse.inputs("sensorium")
print({name: value.shape for name, value in validation.inputs(inputs).items()})

# %% [markdown]
# ## Model
#
# `get_model("sensorium.models.stacked_core_full_gauss_readout", config)` is
# `sensorium_tf.build("cnn", mouse)`, or `"ln"` for a config with `linear=True`. The defaults
# here are the configs of the kit's notebooks, not those of the kit's function.
#
# | starting kit | here |
# |---|---|
# | `layers` | `n_blocks`, the layers after the first: one less |
# | `hidden_channels` | `hidden_channels` |
# | `input_kern`, `hidden_kern` | `input_kernel`, `hidden_kernel` |
# | `gamma_input`, `gamma_readout` | `laplace_penalty`, `feature_penalty` |
# | `gauss_type` | `covariance` |
# | `grid_mean_predictor`: a dict, or `None` | `positions="predicted"`, or `"free"` |
# | its `hidden_features` | `position_hidden_units` |
# | `init_sigma` | `sigma_init` |
# | `shifter=True`, or `False` | with `track="sensorium_plus"`, or `shifter="none"` |
# | `hidden_channels_shifter`, `shift_layers` | `shifter_hidden_units`, `shifter_layers` |
# | `model(x, data_key=key)` | `model({"mouse1": {"image": x}})["mouse1"]` |
# | its `pupil_center=p` | `{"image": x, "pupil_center": p}` |
# | `model.readout[key]`, `model.shifter[key]` | `model.readouts[name]`, `model.shifters[name]` |
# | `model.readout[key].mu` | `model.readouts[name].positions()` |
# | `model.train()`, `model.eval()` | `model(inputs, training=True)`; without it, evaluation |

# %%
model = sensorium_tf.build("cnn", mouse)
print(f"{1 + model.core.config.n_blocks} layers of {model.core.config.hidden_channels} channels")

# %% [markdown]
# ## Training
#
# `trainer(model, dataloaders, seed=42)`, with the kit's `standard_trainer`, is
# `run = sensorium_tf.train("cnn", "mouse1", workdir="runs/cnn", seed=42)`: the same loss, early
# stopping and schedule.
#
# | starting kit | here |
# |---|---|
# | `max_iter`, `lr_init` | `epochs`, `learning_rate` |
# | `patience` | `patience`, and `decay_patience` for the learning rate |
# | `lr_decay_steps` | `restarts`: one less |
# | `lr_decay_factor`, `min_lr` | `decay_factor`, `learning_rate_floor` |
# | `tolerance` | `smallest_gain` |
# | `detach_core` | `freeze_core`, with `init_from` |
# | `torch.save(model.state_dict(), path)` | the workdir holds `model.keras` and checkpoints |
#
# What `recipe="published"`, the default, sets:

# %%
print(dict(RECIPES["published"].values))
print(sensorium_tf.ScheduleSettings())

# %% [markdown]
# ## Scores and submission
#
# | starting kit | here |
# |---|---|
# | `get_correlations` | `sensorium_tf.evaluate(run)`: single-trial correlation |
# | `get_signal_correlations` | the same: correlation to average |
# | `get_fev` | the same: FEVE |
# | `model_predictions` | `run.predict("test")` |
# | `submission.generate_submission_file` | `sensorium_tf.submit(run)` |
# | `submission.generate_ground_truth_file` | `launch/ground_truth.py` |
#
# ## A checkpoint
#
# `save_published` writes any baseline as a state dict with the kit's names. Here it is a small CNN
# of three quick epochs, in place of the published one.

# %%
key = mouse.session_key
if CHECKPOINT is None or not HAS_TORCH:
    small = sensorium_tf.train(
        "cnn",
        MOUSE,
        workdir="runs/small",
        recipe="fast",
        epochs=3,
        hidden_channels=8,
        verbose=False,
    )
    if HAS_TORCH:
        CHECKPOINT = "small.pth"
        save_published(small.model, CHECKPOINT, keys={MOUSE: key})
    else:
        print("with PyTorch here its weights would be written to small.pth")

# %% [markdown]
# `load_published` reads architecture, track and mice off the names and shapes of the weights. (Its
# `names` choose what the mice are called; without, published session keys become `mouse1` to
# `mouse7`.) What it returns is a Keras model like any other.

# %%
if HAS_TORCH:
    imported = load_published(CHECKPOINT, names={key: MOUSE})
else:
    imported = small.model
    print("without PyTorch the small CNN itself stands in for the imported one")
imported.save("imported.keras")
model = keras.models.load_model("imported.keras")
print(f"{model.name}, images {model.image_shape}, mice {', '.join(model.mice)}")

# %% [markdown]
# ## Equal numbers
#
# The same state dict, computed by PyTorch's own operations as the kit does it: convolutions, batch
# normalisation and ELU, then each neuron's features at its position in the map.

# %%
if HAS_TORCH:
    import torch
    from torch.nn import functional

    state = torch.load(CHECKPOINT, map_location="cpu", weights_only=True)
    print(*list(state)[:4], "...", sep="\n")

    def torch_rates(images):
        """Returns the rates of images `(trials, height, width, 1)`."""
        x = torch.from_numpy(np.moveaxis(images, -1, 1).copy())
        for layer in range(1 + model.core.config.n_blocks):
            part = {
                name.removeprefix(f"core.features.layer{layer}."): weight
                for name, weight in state.items()
                if name.startswith(f"core.features.layer{layer}.")
            }
            if layer == 0:
                x = functional.conv2d(x, part["conv.weight"])
            else:
                spatial = part["ds_conv.spatial_conv.weight"]
                x = functional.conv2d(x, part["ds_conv.in_depth_conv.weight"])
                x = functional.conv2d(x, spatial, padding="same", groups=len(spatial))
                x = functional.conv2d(x, part["ds_conv.out_depth_conv.weight"])
            statistics = part["norm.running_mean"], part["norm.running_var"]
            x = functional.batch_norm(x, *statistics, part["norm.weight"], part["norm.bias"])
            x = functional.elu(x)
        own = {name.removeprefix(f"readout.{key}."): weight for name, weight in state.items()}
        hidden = functional.linear(
            own["source_grid"], own["mu_transform.0.weight"], own["mu_transform.0.bias"]
        )
        positions = functional.linear(
            functional.elu(hidden), own["mu_transform.2.weight"], own["mu_transform.2.bias"]
        ).tanh()
        grid = positions[None, :, None].expand(len(x), -1, -1, -1)
        sampled = functional.grid_sample(x, grid, align_corners=True)[..., 0]
        drive = (sampled * own["_features"][0, :, 0]).sum(1) + own["bias"]
        return (functional.elu(drive) + 1).numpy()


# %%
images = validation.inputs(inputs)["image"][:20]
rates = np.asarray(model({MOUSE: {"image": images}})[MOUSE])
if HAS_TORCH:
    difference = np.abs(torch_rates(images) - rates).max()
    assert difference < 1e-4, difference
    print(f"{rates.shape[0]} images, {rates.shape[1]} neurons, rates up to {rates.max():.1f}")
    print(f"largest difference of the rates: {difference:.1e}")
else:
    print("with PyTorch here the two would be compared, image by image")

# %% [markdown]
# That is float32 rounding. Written again, every weight is the same to the bit; only PyTorch's
# counters of batches, which nothing reads, start at zero.

# %%
if HAS_TORCH:
    save_published(model, "again.pth", keys={MOUSE: key})
    again = torch.load("again.pth", weights_only=True)
    weights = [name for name in state if not name.endswith("num_batches_tracked")]
    assert state.keys() == again.keys()
    assert all(torch.equal(state[name], again[name]) for name in weights)
    print(f"{len(weights)} tensors are equal")
else:
    print("with PyTorch here the model would be written again, and the files compared")

# %% [markdown]
# The scores of the imported model need no run: `Run` takes the file alone. It says that what such a
# model was trained on is not known, since a checkpoint does not tell.

# %%
print(sensorium_tf.evaluate("imported.keras", "validation").report())

# %% [markdown]
# The same at the command line: `launch/import_published.py`, `launch/evaluate.py --model_file`,
# `launch/export_published.py`; and `launch/train.py --init_from=imported.keras` trains it further.
#
# ## What differs
#
# Predictions are equal; a training run here and one in the kit agree in recipe, not in bits:
#
# - Random numbers: weights, order of trials and sampled positions differ for the same seed.
# - Momentum of batch normalisation: Keras gives the weight of the old running value, PyTorch that
#   of the new one. The kit's 0.9 is 0.1 here.
# - Running variance: the biased one in Keras, the unbiased one in PyTorch.
# - A frozen core also keeps its batch normalisation as it is.
# - A checkpoint holds neither penalties nor the optimizer's state: an imported model has the
#   published penalties, and Adam starts anew.
#
# [The published networks](../docs/published_models.md) says what was verified with the real files,
# [the formulas](../docs/formulas.md) what is computed.
