import logging

import numpy as np
import pytest
import tensorflow as tf
from small_models import small_model

from sensorium_tf.data import load_mouse
from sensorium_tf.runs import predict


@pytest.fixture
def trials(prepared):
    return load_mouse("full", data_dir=prepared).trials("train")


@pytest.fixture
def mouse(prepared):
    return load_mouse("full", data_dir=prepared)


def test_rates_are_those_of_the_model_whatever_the_batches(mouse, trials):
    model = small_model({"full": mouse.cell_motor_coordinates}, n_blocks=0, seed=0)
    many = trials.take(np.arange(70) % len(trials))  # two whole batches and a part of one
    rates = predict(model, many)
    assert rates.shape == (70, mouse.n_neurons)
    expected = model({"full": many.inputs(model.inputs)})["full"]
    np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-6)


def test_tensorflow_does_not_warn_of_many_models_one_after_another(mouse, trials):
    warnings = []
    handler = logging.Handler()
    handler.emit = warnings.append
    tf.get_logger().addHandler(handler)
    try:
        for seed in range(6):
            model = small_model(
                {"full": mouse.cell_motor_coordinates}, model="ln", n_blocks=0, seed=seed
            )
            predict(model, trials)
    finally:
        tf.get_logger().removeHandler(handler)
    assert not warnings
