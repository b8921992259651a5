"""What TensorFlow has trained is evaluated, submitted and fitted on other Keras backends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from backend_work import do_all

import sensorium_tf
from sensorium_tf import SensoriumError
from sensorium_tf.scoring.rows import Rows

PROGRAM = "import sys; from backend_work import do_all; do_all(*sys.argv[1:])"
SUBMISSION = "submission_file_live_test.csv"


def train(workdir, prepared):
    return sensorium_tf.train(
        "cnn",
        "full",
        track="sensorium_plus",
        workdir=workdir,
        data_dir=prepared,
        epochs=1,
        batch_size=8,
        hidden_channels=2,
        n_blocks=0,
        verbose=False,
    )


@pytest.fixture(scope="module")
def workdir(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    train(folder, prepared)
    return folder


@pytest.fixture(scope="module")
def expected(workdir, prepared, tmp_path_factory):
    """A folder of TensorFlow's numbers."""
    folder = tmp_path_factory.mktemp("tensorflow")
    do_all(workdir, folder, prepared)
    return folder


def rates(folder):
    return np.array([row[2] for row in Rows(folder / SUBMISSION, "prediction")])


def scores(folder):
    found = json.loads((folder / "evaluation.json").read_text())["mice"]["full"]
    names = ("single_trial_correlation", "correlation_to_average")
    return np.array([found[name] for name in names], float)


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_another_backend_gives_the_same_numbers(workdir, prepared, expected, tmp_path, backend):
    pytest.importorskip(backend, reason=f"{backend} is not installed")
    places = [Path(__file__).parents[1], Path(sensorium_tf.__file__).parents[1]]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, workdir, tmp_path, prepared],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": os.pathsep.join(map(str, places)),
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    np.testing.assert_allclose(rates(tmp_path), rates(expected), rtol=1e-5)
    np.testing.assert_allclose(scores(tmp_path), scores(expected), rtol=1e-5)
    ours, theirs = (np.load(folder / "numbers.npz") for folder in (tmp_path, expected))
    assert not np.allclose(theirs["after"], theirs["before"], rtol=1e-4), "nothing was fitted"
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, err_msg=name)


def test_training_on_another_backend_is_refused_before_anything_is_written(
    prepared, tmp_path, monkeypatch
):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(SensoriumError, match="backend tensorflow, but it is torch: set "):
        train(tmp_path / "run", prepared)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("suffix", ["pdf", "svg"])
def test_figures_are_written_in_another_format(workdir, prepared, tmp_path, suffix):
    options = {"figure_format": suffix, "data_dir": prepared}
    sensorium_tf.evaluate(workdir, output=tmp_path / "one", **options)
    other = tmp_path / "other.keras"
    other.write_bytes((workdir / "model.keras").read_bytes())
    sensorium_tf.compare(workdir, other, output=tmp_path / "two", **options)
    figures = [*tmp_path.glob("*/figures/*")]
    assert {path.suffix for path in figures} == {f".{suffix}"}
    assert {"filters", "scores", "correlations_full"} <= {path.stem for path in figures}


def test_a_figure_format_that_is_not_known_is_refused_before_any_work(tmp_path):
    with pytest.raises(SensoriumError, match="figure_format 'bmp': expected one of png, pdf, svg"):
        sensorium_tf.evaluate(tmp_path / "nothing", figure_format="bmp")
