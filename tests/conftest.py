"""Fixtures that several rooms' tests share."""

import os
from pathlib import Path

import numpy as np
import pytest
from recording_files import recording_tree, withhold, write_zip


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


@pytest.fixture
def rng():
    """Random numbers, the same in each test."""
    return np.random.default_rng(7)


@pytest.fixture
def to_numpy():
    """Makes arrays of the tensors of any Keras backend."""
    from keras import ops

    return ops.convert_to_numpy
