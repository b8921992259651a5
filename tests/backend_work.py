"""All that a trained model does on any Keras backend, for a comparison of the backends."""

from pathlib import Path

import keras
import numpy as np

import sensorium_tf
from sensorium_tf.runs import load_model


def do_all(workdir, output, data_dir):
    """Evaluates, submits, predicts and fits; writes the numbers to `numbers.npz` in `output`."""
    sensorium_tf.evaluate(workdir, output=output, data_dir=data_dir)
    sensorium_tf.submit(workdir, output=output, data_dir=data_dir)
    model = load_model(Path(workdir) / "model.keras")
    (mouse,) = model.mice
    # What is drawn differs between backends: here each position is the middle of its Gaussian.
    readout = model.readouts[mouse]
    readout.sigma.assign(np.zeros(readout.sigma.shape))
    readout.sigma.trainable = False
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.normal(size=(12, *model.image_shape)).astype("float32"),
        "pupil_center": rng.normal(size=(12, 2)).astype("float32"),
    }
    responses = rng.gamma(0.5, 2.0, (12, readout.n_neurons)).astype("float32")
    before = model.predict({mouse: inputs}, verbose=0)[mouse]
    # Steps so small that no weight passes the kink of its penalty at another step than elsewhere.
    model.compile(optimizer=keras.optimizers.SGD(3e-4), loss={mouse: "poisson"})
    fitted = model.fit(
        {mouse: inputs},
        {mouse: responses},
        batch_size=4,
        epochs=1,
        shuffle=False,
        verbose=0,
    )
    after = model.predict({mouse: inputs}, verbose=0)[mouse]
    scored = model.evaluate({mouse: inputs}, {mouse: responses}, batch_size=12, verbose=0)
    np.savez(
        Path(output) / "numbers.npz",
        before=before,
        losses=fitted.history["loss"],
        after=after,
        scored=scored,
    )
