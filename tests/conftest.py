"""Fixtures that several rooms' tests share."""

import gc
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from recording_files import recording_tree, withhold, write_zip
from warm_python import WarmPython

# Property tests draw the same examples every time, and leave nothing behind: what passes here
# passes elsewhere. HYPOTHESIS_PROFILE=random draws others, of the seed --hypothesis-seed.
_NOTES = tempfile.TemporaryDirectory(prefix="hypothesis", ignore_cleanup_errors=True)
os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = _NOTES.name
_PROFILE = {"deadline": None, "print_blob": True, "database": None}
settings.register_profile("repeatable", derandomize=True, **_PROFILE)
settings.register_profile("random", **_PROFILE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# Tests that run side by side share the cores: more threads would only wait for each other.
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

# What XLA has compiled is taken by the other tests, and by the programs that they start.
_COMPILED = tempfile.TemporaryDirectory(prefix="compiled", ignore_cleanup_errors=True)
os.environ.setdefault("TF_XLA_FLAGS", f"--tf_xla_persistent_cache_directory={_COMPILED.name}")


# Folders and files whose tests take longest: they come first, so that processes that share the
# tests end together.
_LONGEST = (
    "training",
    "launch",
    "evaluation",
    "test_readme.py",
    "test_api.py",
    "models",
    "testing",
)
# What takes other frameworks, other processes, a browser or minutes, and is left to
# `make test-thorough`.
_THOROUGH = {
    "data/test_beam.py",
    "evaluation/test_backends.py",
    "evaluation/test_odd_recordings.py",
    "insilico/test_acceptance.py",
    "interop/test_pytorch_reference.py",
    "leaderboard/test_browser.py",
    "leaderboard/test_kills.py",
    "models/test_core_backends.py",
    "models/test_export.py",
    "models/test_replicas.py",
    "models/test_zoo_backends.py",
    "test_benchmarks.py",
    "testing/test_part_backends.py",
    "training/test_devices.py",
    "training/test_gpu_kernels.py",
    "training/test_survival.py",
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks the thorough tests, and puts those that take longest first."""
    here = Path(__file__).parent
    order = {name: place for place, name in enumerate(_LONGEST)}
    places = {item: item.path.relative_to(here) for item in items}
    for item, place in places.items():
        if place.as_posix() in _THOROUGH:
            item.add_marker("thorough")
    items.sort(key=lambda item: order.get(places[item].parts[0], len(order)))


def pytest_collection_finish():
    """Keeps what is imported by now from being looked through for garbage all along."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data, which only some machines have."""
    folder = os.environ.get("SENSORIUM_SHARED")
    if not folder:
        pytest.skip("SENSORIUM_SHARED is not set: the reference data are not on this machine")
    return Path(folder)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Data folder with `full` (nothing withheld), `short` (few trials) and `hidden`."""
    from sensorium_tf.data import prepare

    folder = tmp_path_factory.mktemp("prepared")
    trees = {
        "full": recording_tree(seed=1),
        "short": recording_tree(seed=2, n_neurons=3, n_train=5),
        "hidden": withhold(
            recording_tree(seed=3), signals=["behavior", "pupil_center"], tiers=["test"]
        ),
    }
    for name, tree in trees.items():
        path = write_zip(folder / f"{name}.zip", tree)
        prepare(name, recording=path, data_dir=folder / "data")
    return folder / "data"


@pytest.fixture(scope="session")
def warm_python():
    """Runs programs in new processes of a Python that has imported the libraries already."""
    python = WarmPython()
    yield python
    python.close()


@pytest.fixture
def undrawn(monkeypatch):
    """Figures beside scores are made but not drawn, which takes more than a second for a mouse."""

    def touch(figure, path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).touch()

    for module in ("comparing", "run_files"):
        monkeypatch.setattr(f"sensorium_tf.evaluation.{module}.save_figure", touch)


@pytest.fixture
def rng():
    """Random numbers, the same in each test."""
    return np.random.default_rng(7)


@pytest.fixture
def to_numpy():
    """Makes arrays of the tensors of any Keras backend."""
    from keras import ops

    return ops.convert_to_numpy
