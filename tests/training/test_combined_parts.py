"""Parts and inputs beside the published ones, all in one run."""

import numpy as np
import pytest

import sensorium_tf

pytestmark = pytest.mark.usefixtures("undrawn")

CHOSEN = {
    "nonlinearity": "softplus(slope=2)",
    "modulator": "gain",
    "channels": "image,sobel_image,behavior",
    "behavior_scale": "range",
    "correlation_weight": 0.1,
    "mean_bias": True,
}


@pytest.mark.parametrize("readout", ["attention", "factorised", "multi_level_gaussian"])
def test_a_run_of_other_parts_is_trained_and_scored(prepared, tmp_path, readout):
    run = sensorium_tf.train(
        "cnn",
        "full",
        track="sensorium_plus",
        readout=readout,
        workdir=tmp_path,
        data_dir=prepared,
        epochs=1,
        batch_size=8,
        hidden_channels=2,
        n_blocks=1,
        learning_rate=1e-6,
        verbose=False,
        **CHOSEN,
    )
    assert run.model.image_shape == (36, 64, 6)
    loaded = run.mouse("full").trials("train").inputs(run.model.inputs)["image"]
    assert loaded[..., 3:].min() >= -1e-5 and loaded[..., 3:].max() <= 1 + 1e-5
    # Hardly trained: the rates are about the mean responses, which the features move a little.
    rates, means = run.predict("train"), run.mouse("full").trials("train").responses.mean(0)
    assert np.corrcoef(rates.mean(0), means)[0, 1] > 0.9
    assert rates.min() > 0 and np.isfinite(rates).all()
    assert sensorium_tf.evaluate(run).mice["full"].held_out
