"""Parts and inputs beside the published ones, all in one run."""

import numpy as np
import pytest

import sensorium_tf
from sensorium_tf.models import ReceptiveFieldReadout

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


FIELDS = {
    "recipe": "fast",
    "core": "contrast(pools=[9])",
    "readout": "receptive_field(wavelengths=[8, 12])",
    "track": "sensorium_plus",
    "epochs": 1,
    "learning_rate": 1e-6,
    "verbose": False,
}


def test_training_starts_from_a_map_of_receptive_fields(prepared, tmp_path, monkeypatch):
    mapped, find = [], ReceptiveFieldReadout.set_receptive_fields

    def counted(readout, images, responses):
        mapped.append((readout.name, images.shape[1:], len(images) == len(responses)))
        find(readout, images, responses)

    monkeypatch.setattr(ReceptiveFieldReadout, "set_receptive_fields", counted)
    folder = tmp_path / "run"
    run = sensorium_tf.train("cnn", "full", workdir=folder, data_dir=prepared, **FIELDS)
    assert mapped == [("readout_full", (36, 64), True)]
    trials = run.mouse("full").trials("train")
    rates = run.predict("train")
    pairs = zip(rates.T, trials.responses.T, strict=True)
    assert np.mean([np.corrcoef(*each)[0, 1] for each in pairs]) > 0.4
    # The eye's movements are not known to the map.
    shifts = run.model.shifters["full"](trials.signals["pupil_center"])
    assert np.abs(shifts).max() < 1e-3
    # What starts from trained weights is not mapped again.
    start = {**FIELDS, "init_from": str(folder / "model.keras")}
    sensorium_tf.train("cnn", "full", workdir=tmp_path / "on", data_dir=prepared, **start)
    assert len(mapped) == 1
