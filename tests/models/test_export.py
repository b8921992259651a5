"""The model of one mouse leaves Keras: SavedModel and ONNX predict what it predicts."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from small_models import small_model

ELSEWHERE = keras.backend.backend() != "tensorflow"
pytestmark = pytest.mark.skipif(ELSEWHERE, reason="exported on the TensorFlow backend")
SERVE = """
import sys
import numpy as np
import tensorflow as tf

folder = sys.argv[1]
with np.load(folder + "/inputs.npz") as inputs:
    served = tf.saved_model.load(folder + "/serving")
    np.save(folder + "/rates.npy", served.serve(dict(inputs)))
assert "sensorium_tf" not in sys.modules
"""


@pytest.fixture(params=["sensorium", "sensorium_plus"])
def single(request, rng):
    """The model of one mouse of two, its inputs and its rates."""
    coordinates = {mouse: rng.normal(size=(9, 3)) for mouse in ("mouse1", "mouse3")}
    model = small_model(coordinates, track=request.param, seed=1)
    for readout in model.readouts.values():
        readout.features.assign(rng.normal(size=readout.features.shape))
    channels = model.image_shape[-1]
    inputs = {"image": rng.normal(size=(3, 36, 64, channels)).astype("float32")}
    if model.shifters:
        # Wide enough to push some positions out of the map.
        inputs["pupil_center"] = 5 * rng.normal(size=(3, 2)).astype("float32")
    alone = model.for_mouse("mouse3")
    return alone, inputs, alone.predict(inputs, verbose=0)


def test_a_saved_model_serves_the_same_rates_without_keras(single, tmp_path):
    model, inputs, rates = single
    model.export(tmp_path / "serving", verbose=False)
    np.savez(tmp_path / "inputs.npz", **inputs)
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", SERVE, tmp_path], check=True, env=environment)
    np.testing.assert_allclose(np.load(tmp_path / "rates.npy"), rates, atol=1e-5)


def test_onnx_gives_the_same_rates(single, tmp_path):
    pytest.importorskip("tf2onnx", reason="tf2onnx writes ONNX files")
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime reads ONNX files")
    model, inputs, rates = single
    model.export(str(tmp_path / "model.onnx"), format="onnx", verbose=False)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    assert {given.name for given in session.get_inputs()} == set(inputs)
    (ours,) = session.run(None, inputs)
    np.testing.assert_allclose(ours, rates, atol=1e-5)
