import logging

import numpy as np
import pytest
import tensorflow as tf

from sensorium_tf.challenges import sensorium2022
from sensorium_tf.data import load_mouse
from sensorium_tf.models import ModelSettings, baseline
from sensorium_tf.runs import predict

SMALL = ModelSettings(hidden_channels=2, n_blocks=0)


@pytest.fixture
def trials(prepared):
    return load_mouse("full", data_dir=prepared).trials("train")


@pytest.fixture
def mouse(prepared):
    return load_mouse("full", data_dir=prepared)


def test_rates_are_those_of_the_model_whatever_the_batches(mouse, trials):
    model = baseline("cnn", {"full": mouse.cell_motor_coordinates}, settings=SMALL, seed=0)
    many = trials.take(np.arange(70) % len(trials))  # two whole batches and a part of one
    rates = predict(model, many, track="sensorium")
    assert rates.shape == (70, mouse.n_neurons)
    expected = model({"full": many.inputs(sensorium2022.CHALLENGE.inputs("sensorium"))})["full"]
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-6)


def test_tensorflow_does_not_warn_of_many_models_one_after_another(mouse, trials):
    warnings = []
    handler = logging.Handler()
    handler.emit = warnings.append
    tf.get_logger().addHandler(handler)
    try:
        for seed in range(6):
            model = baseline(
                "ln", {"full": mouse.cell_motor_coordinates}, settings=SMALL, seed=seed
            )
            predict(model, trials, track="sensorium")
    finally:
        tf.get_logger().removeHandler(handler)
    assert not warnings
