"""Shows that an installed package works without its clone: run it from any other folder."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow_datasets as tfds

import sensorium_tf
from sensorium_tf.recordings.simulation import simulate_recording

clone = Path(__file__).resolve().parents[1]
assert clone not in Path(sensorium_tf.__file__).resolve().parents, sensorium_tf.__file__
assert sensorium_tf.__version__
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
    model = sensorium_tf.baseline("cnn", mouse)
    test = mouse.trials("test")
    rates = sensorium_tf.training.predict(model, test, track="sensorium")
    model.save(Path(folder) / "model.keras")
    loaded = keras.models.load_model(Path(folder) / "model.keras")
    again = sensorium_tf.training.predict(loaded, test, track="sensorium")
    np.testing.assert_array_equal(rates, again)
print(f"sensorium_tf {sensorium_tf.__version__} works from {Path(sensorium_tf.__file__).parent}")
