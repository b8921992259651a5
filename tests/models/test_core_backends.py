"""The cores compute the same of the same weights, whatever the Keras backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import sensorium_tf
from sensorium_tf.registry import CORES, Part
from sensorium_tf.testing.files import saved_and_loaded

TEXTS = (
    "sensorium(hidden_channels=3, n_blocks=1, depth_separable=false, squeeze_excite=2)",
    "residual(channels=3, n_blocks=2, stride=2)",
    "inverted_residual(channels=3, n_blocks=1)",
    "learned_stem(patch_channels=2, patch=2, input_kernel=5, channels=[3, 4])",
    "scattering(channels=3, n_angles=4, n_blocks=1, order=2)",
    "vit(channels=4, heads=2, depth=1, hidden=6, stride=4)",
    "v1t(channels=4, heads=2, depth=1, hidden=6, stride=4)",
    "rotation_equivariant(n_rotations=8, channels=2, n_blocks=1)",
    "gabor(wavelengths=[3, 6], n_rotations=4, channels=2, n_blocks=1)",
    "contrast(wavelengths=[3, 6], pools=[3])",
    "factorised_3d(channels=[3, 4], spatial_kernels=[5, 3], temporal_kernels=[3, 2])",
    "gru(core='rotation_equivariant(n_rotations=4, channels=2, n_blocks=1)', channels=3, kernel=3)",
    "temporal_residual(core='sensorium(hidden_channels=3, n_blocks=1)', n_blocks=1, kernel=3)",
    "inverted_residual_3d(channels=[4, 6], strides=[2, 1], expansion=2, cortex=[8], causal=false)",
    "inverted_residual_3d(channels=[4, 6], strides=[2, 1], expansion=2, cortex=[], causal=true)",
)
SHAPE = (3, 16, 24, 2)
FRAMES = 6


def computed(weights=None):
    """Returns each core's features in evaluation and in training, and its weights."""
    rng = np.random.default_rng(0)
    # Of different contrasts, which a core may divide by their variance.
    contrasts = np.array([0.5, 1.0, 2.0])[:, None, None, None]
    images = (contrasts * rng.normal(size=SHAPE)).astype("float32")
    movies = rng.normal(size=(SHAPE[0], FRAMES, *SHAPE[1:])).astype("float32")
    behavior = rng.normal(size=(SHAPE[0], 3)).astype("float32")
    found = {}
    for text in TEXTS:
        part = Part.parse(text)
        kind = CORES[part.name]
        # What is dropped is drawn by each backend for itself.
        noise = {name: 0.0 for name in ("dropout", "drop_path") if hasattr(kind.Config, name)}
        core = kind(**part.options, **noise, seed=1)
        signals = {"signals": {"behavior": behavior}} if core.inputs else {}
        seen = movies if core.takes_movies else images
        core(seen, **signals)
        if weights is not None:
            names = [name for name in weights.files if name.startswith(f"{text}/weight")]
            core.set_weights([weights[name] for name in names])
        given = enumerate(core.get_weights())
        found |= {f"{text}/weight{index}": each for index, each in given}
        for training in (True, False):
            features = core(seen, **signals, training=training)
            found[f"{text}/{training}"] = keras.ops.convert_to_numpy(features)
        if weights is not None:
            check_file(text, core, seen, signals)
        found[f"{text}/penalty"] = keras.ops.convert_to_numpy(core.penalty())
    return found


def check_file(text, core, seen, signals):
    """Saves a model of a core, and refuses one that is another when it is loaded."""
    given = [seen, *signals.values()]
    first, *others = symbols = keras.tree.map_structure(lambda x: keras.Input(x.shape[1:]), given)
    features = core(first, **({"signals": others[0]} if others else {}))
    model = keras.Model(keras.tree.flatten(symbols), features)
    saved_and_loaded(text, model, keras.tree.flatten(given))


def test_every_core_of_this_package_is_compared():
    packaged = set(CORES.names()) - set(CORES.custom_names())
    assert {Part.parse(text).name for text in TEXTS} == packaged


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_backend_computes_the_same(backend, tmp_path, reference):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(reason=f"{backend} is not installed")
    root = Path(sensorium_tf.__file__).parents[1]
    program = (
        "import sys, numpy as np; from test_core_backends import computed\n"
        "np.savez(sys.argv[2], **computed(np.load(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, reference, tmp_path / "theirs.npz"],
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(root)]),
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ours, theirs = np.load(reference), np.load(tmp_path / "theirs.npz")
    assert ours.files == theirs.files
    for name in ours.files:
        # Features of size 1, each the end of several sums of some hundred terms.
        np.testing.assert_allclose(theirs[name], ours[name], rtol=1e-4, atol=3e-5, err_msg=name)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """What this process's backend computes, as a file."""
    path = tmp_path_factory.mktemp("cores") / "ours.npz"
    np.savez(path, **computed())
    return path
