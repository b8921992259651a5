"""The table of what parts and strategies gain is made of runs."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from untrained import untraced_steps

from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import train_stages

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def zoo():
    """The module, whose flags nobody has parsed."""
    path = ROOT / "benchmarks" / "zoo.py"
    spec = importlib.util.spec_from_file_location("zoo", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_row_is_measured_from_its_runs(zoo, prepared, tmp_path):
    settings = {"mice": "full", "epochs": 1, "hidden_channels": 2, "n_blocks": 0, "recipe": "fast"}
    with untraced_steps():
        for seed in (0, 1):
            train_stages(
                TrainingSettings.flat(**settings, seed=seed),
                tmp_path / str(seed),
                data_dir=prepared,
                verbose=False,
            )
    row = zoo.measure([str(tmp_path / "0"), str(tmp_path / "1")], "test", prepared)
    assert np.mean(row.seeds) == pytest.approx(row.correlations.mean()) and len(row.seeds) == 2
    assert row.trained > 0 and row.predicted > 0 and row.parameters > 0
    assert "trained on train of full" in row.label
    assert row.command.startswith("python launch/train.py --recipe=fast --mice=full --track")
    given = {"--hidden_channels=2", "--n_blocks=0", "--epochs=1", "--workdir=W"}
    assert given <= {*row.command.split()} and "--seed" not in row.command
    text = zoo.table({"plain": row, "other": row}, "test")
    assert text.count("| +0.0 % |") == 2 and row.command in text


def test_the_table_replaces_the_one_before_and_nothing_else(zoo):
    start, end = zoo.MARKS
    page = f"# Zoo\n\n{start}\nold\n{end}\n\nThe end.\n"
    assert zoo.between_marks(page, "new") == f"# Zoo\n\n{start}\n\nnew\n\n{end}\n\nThe end.\n"
    assert zoo.between_marks("no marks", "new") == "new\n"
