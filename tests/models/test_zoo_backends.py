"""Models of all readouts, modulators and nonlinearities predict the same on every backend."""

import dataclasses
import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from small_models import inputs

from sensorium_tf.challenges.sensorium2022 import CHALLENGE
from sensorium_tf.models import ModelSettings, build_model
from sensorium_tf.models.ops.precision import keras_defaults
from sensorium_tf.testing.models import example_batch

PARTS = {
    "factorised": {"readout": "factorised"},
    "attention": {"readout": "attention"},
    "multi_level_gaussian": {"readout": "multi_level_gaussian"},
    "oriented": {
        "core": "rotation_equivariant(n_rotations=4, channels=2, n_blocks=1)",
        "readout": "oriented(positions=scattered)",
    },
    "receptive_field": {
        "core": "contrast(wavelengths=[3, 6], pools=[3])",
        "readout": "receptive_field",
    },
    "softplus": {"nonlinearity": "softplus(slope=2)", "readout": "gaussian(positions=free)"},
    "gain": {"modulator": "gain"},
    "history": {"modulator": "history", "shifter": "none"},
}
PROGRAM = """
import sys
from pathlib import Path

import keras
import numpy as np

import sensorium_tf
from sensorium_tf.testing.models import example_batch

for path in sorted(Path(sys.argv[1]).glob("*.keras")):
    model = keras.models.load_model(path)
    batch = example_batch(model, 3)
    np.save(path.with_suffix(".npy"), keras.ops.convert_to_numpy(model(batch)["a"]))
    assert np.isfinite(keras.ops.convert_to_numpy(model(batch, training=True)["a"])).all()
"""


def small(name, policy="float32"):
    """A model of images of 16 x 24 pixels, every weight drawn anew."""
    spec = inputs("sensorium_plus").with_extra("behavior")
    if name == "history":
        spec = CHALLENGE.inputs("sensorium_plus", extras=["past_responses"])
    spec = dataclasses.replace(spec, image_size=(16, 24), recorded_size=(64, 96))
    coordinates = {"a": np.random.default_rng(0).normal(size=(5, 3))}
    core = {} if "core" in PARTS[name] else {"hidden_channels": 3, "n_blocks": 1, "input_kernel": 5}
    settings = ModelSettings(**core, **PARTS[name])
    with keras_defaults(policy):
        model = build_model(settings, coordinates, spec, seed=1)
    rng = np.random.default_rng(3)
    for part in (*model.readouts.values(), *model.modulators.values()):
        for weight in part.trainable_variables:
            weight.assign(weight + rng.normal(0, 0.3, size=weight.shape))
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name in PARTS:
        small(name).save(folder / f"{name}.keras")
    return folder


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_saved_model_predicts_the_same_on_another_backend(folder, backend, to_numpy):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(reason=f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, folder],
        env={**os.environ, "KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for name in PARTS:
        model = keras.models.load_model(folder / f"{name}.keras")
        expected = to_numpy(model(example_batch(model, 3))["a"])
        np.testing.assert_allclose(
            np.load(folder / f"{name}.npy"), expected, rtol=1e-3, atol=1e-4, err_msg=name
        )


@pytest.mark.parametrize("name", PARTS)
def test_mixed_precision_changes_little(name, to_numpy):
    full, mixed = small(name), small(name, "mixed_bfloat16")
    batch = example_batch(full, 4)
    rates, others = (to_numpy(each(batch)["a"]) for each in (full, mixed))
    assert others.dtype == np.float32
    np.testing.assert_allclose(others, rates, rtol=0.1, atol=0.1)
