"""What TensorFlow has trained is evaluated and submitted on other Keras backends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import sensorium_tf
from sensorium_tf import SensoriumError
from sensorium_tf.scoring.rows import Rows

PROGRAM = """
import sys

import sensorium_tf

workdir, output, data_dir = sys.argv[1:]
sensorium_tf.evaluate(workdir, output=output, data_dir=data_dir)
sensorium_tf.submit(workdir, output=output, data_dir=data_dir)
"""
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
    run = train(folder, prepared)
    sensorium_tf.evaluate(run)
    sensorium_tf.submit(run)
    return folder


def rates(path):
    return np.array([row[2] for row in Rows(path, "prediction")])


def test_a_run_is_evaluated_and_submitted_on_another_backend(workdir, prepared, tmp_path):
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, workdir, tmp_path, prepared],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "KERAS_BACKEND": "torch",
            "PYTHONPATH": str(Path(sensorium_tf.__file__).parents[1]),
        },
    )
    assert done.returncode == 0, done.stderr[-2000:]
    expected = rates(workdir / "submission" / SUBMISSION)
    np.testing.assert_allclose(rates(tmp_path / SUBMISSION), expected, rtol=1e-4)
    ours, theirs = (
        json.loads((folder / "evaluation.json").read_text())["mice"]["full"]
        for folder in (tmp_path, workdir)
    )
    assert ours["single_trial_correlation"] == pytest.approx(
        theirs["single_trial_correlation"], rel=1e-4
    )


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
