"""Mice that pass the core together share its batch statistics and its penalty."""

import keras
import numpy as np
import pytest
from small_models import small_model

from sensorium_tf.models import PoissonLoss


@pytest.fixture
def model(rng):
    coordinates = {"mouse3": rng.normal(size=(5, 3)), "mouse1": rng.normal(size=(4, 3))}
    return small_model(coordinates, n_blocks=1, sigma_init=1e-9, seed=5, joint_core=True)


@pytest.fixture
def inputs(rng):
    return {
        mouse: {"image": rng.normal(size=(n, 36, 64, 1)).astype("float32")}
        for mouse, n in (("mouse3", 3), ("mouse1", 2))
    }


def test_in_training_the_core_sees_all_images_as_one_batch(model, inputs, to_numpy):
    images = np.concatenate([signals["image"] for signals in inputs.values()])
    features = to_numpy(model.core(images, training=True))
    rates = model(inputs, training=True)
    for mouse, part in (("mouse3", features[:3]), ("mouse1", features[3:])):
        drives = to_numpy(model.readouts[mouse](part))
        expected = np.where(drives > 0, drives + 1, np.exp(np.minimum(drives, 0)))
        np.testing.assert_allclose(to_numpy(rates[mouse]), expected, rtol=1e-3, atol=1e-5)


def test_in_evaluation_nothing_changes(model, inputs, to_numpy):
    together = {mouse: to_numpy(rate) for mouse, rate in model(inputs).items()}
    model.joint_core = False
    for mouse, rate in model(inputs).items():
        np.testing.assert_array_equal(to_numpy(rate), together[mouse])


def test_the_core_is_penalised_once(model, inputs, to_numpy):
    joint = to_numpy(model.penalties()["laplace"])
    model(inputs, training=True)
    assert to_numpy(model.losses[0]) == joint
    model.joint_core = False
    assert to_numpy(model.penalties()["laplace"]) == pytest.approx(2 * joint)


def test_it_is_kept_in_the_file(model, tmp_path):
    model.compile("sgd", {mouse: PoissonLoss(9) for mouse in model.mice})
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").joint_core is True
