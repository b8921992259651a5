"""Shows that an installed package works without its clone: run it from any other folder."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow_datasets as tfds

import sensorium_tf
from sensorium_tf.simulation import simulate_recording

clone = Path(__file__).resolve().parents[1]
assert clone not in Path(sensorium_tf.__file__).resolve().parents, sensorium_tf.__file__
assert sensorium_tf.__version__


def run(*arguments):
    """Runs the console command; returns what it prints."""
    command = [Path(sys.executable).with_name("sensorium"), *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


verbs = [line.split()[0] for line in run("--help").splitlines() if line.startswith("  ")]
assert {"demo", "prepare", "score", "train"} <= set(verbs), verbs
for verb in verbs:
    assert f"sensorium {verb} --" in run(verb, "--help"), verb
with tempfile.TemporaryDirectory() as folder:
    recording = simulate_recording(folder, n_neurons=6, n_images=20, n_repeats=2)
    data_dir = Path(folder) / "data"
    trials, info = tfds.load(
        "sensorium/mouse1",
        split="train",
        data_dir=data_dir,
        builder_kwargs={"recording": recording},
        with_info=True,
    )
    assert next(trials.as_numpy_iterator())["response"].shape == (6,)
    assert "willeke2022sensorium" in info.citation
    mouse = sensorium_tf.data.load_mouse("mouse1", data_dir=data_dir)
    model = sensorium_tf.build("cnn", mouse)
    test = mouse.trials("test")
    rates = sensorium_tf.runs.predict(model, test)
    model.save(Path(folder) / "model.keras")
    loaded = keras.models.load_model(Path(folder) / "model.keras")
    again = sensorium_tf.runs.predict(loaded, test)
    np.testing.assert_array_equal(rates, again)
    run("prepare", f"--recording={recording}", "--name=lab1", f"--data_dir={data_dir}")
    run("ground_truth", "--mouse=lab1", f"--output={folder}", f"--data_dir={data_dir}")
    files = Path(folder) / "submission.csv", Path(folder) / "ground_truth_file_test.csv"
    ids = {"trial_ids": test.trial_ids, "image_ids": test.image_ids, "unit_ids": mouse.unit_ids}
    sensorium_tf.scoring.write_submission(files[0], rates=rates, **ids)
    printed = run("score", f"--submission={files[0]}", f"--ground_truth={files[1]}", "--json")
    assert printed == json.dumps(sensorium_tf.score(*files)) + "\n", printed
print(f"sensorium_tf {sensorium_tf.__version__} works from {Path(sensorium_tf.__file__).parent}")
