"""A model file's configuration can ask for no more weights than the file holds."""

import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_models import small_model

from sensorium_tf import SensoriumError
from sensorium_tf.models import EnsembleModel
from sensorium_tf.runs import load_model, save_model
from sensorium_tf.runs.weight_limit import weight_limit


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    mice = {"a": np.zeros((3, 2)), "b": np.zeros((7, 2))}
    members = [
        small_model(mice, track="sensorium_plus", modulator="gain", n_blocks=1, seed=seed)
        for seed in (1, 2)
    ]
    path = tmp_path_factory.mktemp("model") / "ensemble.keras"
    save_model(EnsembleModel(members), path)
    return path


@pytest.mark.parametrize(
    ("value", "larger"),
    [
        ('"n_neurons": 7', '"n_neurons": 200000'),
        ('"n_neurons": 7', '"n_neurons": 3000000000000'),
        ('"hidden_channels": 4', '"hidden_channels": 1000000'),
        ('"hidden_units": 5', '"hidden_units": 100000000'),
        ('"hidden_units": 8', '"hidden_units": 1000000000'),
    ],
)
def test_layers_larger_than_their_weights_are_refused_in_one_line(
    model_file, tmp_path, value, larger
):
    path = tmp_path / "huge.keras"
    with zipfile.ZipFile(model_file) as source, zipfile.ZipFile(path, "w") as to:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                assert value.encode() in content
                content = content.replace(value.encode(), larger.encode())
            to.writestr(name, content)
    with pytest.raises(SensoriumError, match="its layers are larger than the weights that it hol"):
        load_model(path)


def test_what_a_file_holds_is_loaded(model_file):
    assert load_model(model_file).mice == ("a", "b")


def test_a_weight_beyond_the_limit_takes_no_memory():
    asked = []

    def initializer(shape, dtype):
        asked.append(tf.executing_eagerly())
        return tf.zeros(shape, dtype)

    with weight_limit(0):
        keras.Variable(initializer, (100, 1000))  # what Keras does not write may be so large
    with pytest.raises(SensoriumError, match="larger than the weights"), weight_limit(0):
        keras.Variable(initializer, (1000, 1000))
    assert asked == [False, True, False]
