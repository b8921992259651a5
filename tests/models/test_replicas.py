"""Two devices that share a batch take the step that one device takes."""

import keras
import pytest

STEP = """
import numpy as np, keras, tensorflow as tf
from sensorium_tf.challenges import sensorium2022
from sensorium_tf.models import ModelSettings, PoissonLoss, build_model

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
rng = np.random.default_rng(0)
coordinates = {"mouse1": rng.normal(size=(5, 3))}
images = rng.normal(size=(8, 36, 64, 1)).astype("float32")
responses = rng.gamma(1.0, size=(8, 5)).astype("float32")

def made(sigma):
    settings = ModelSettings(hidden_channels=4, n_blocks=1, sigma_init=sigma)
    model = build_model(settings, coordinates, sensorium2022.CHALLENGE.inputs("sensorium"), seed=1)
    model.compile(keras.optimizers.SGD(1e-3), {"mouse1": PoissonLoss(100)})
    return model

def step(model, strategy, size):
    # An uneven split: the first replica gets `size` of the eight trials.
    def part(array):
        return strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(
                array if context.num_replicas_in_sync == 1
                else np.split(array, [size])[context.replica_id_in_sync_group]
            )
        )
    data = ({"mouse1": {"image": part(images)}}, {"mouse1": part(responses)})
    tf.function(lambda data: strategy.run(model.train_step, (data,)))(data)
    return model.get_weights()

one = made(0.0)
expected = step(one, tf.distribute.OneDeviceStrategy("CPU:0"), 8)
for size in (4, 5):
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        two = made(0.0)
    for got, want, weight in zip(step(two, strategy, size), expected, two.weights):
        if "sigma" not in weight.path:  # With sigma 0 its gradient is the noise alone.
            np.testing.assert_allclose(got, want, rtol=1e-4, atol=2e-6, err_msg=weight.path)

with strategy.scope():
    readout = made(0.1).readouts["mouse1"]
draw = tf.function(lambda: strategy.run(lambda: readout.draw_positions(4)))
first, second = strategy.experimental_local_results(draw())
assert not np.allclose(first, second), "both replicas drew the same positions"
"""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="replicas are TensorFlow's")
def test_two_replicas_take_the_step_of_one_device_and_draw_their_own_noise(warm_python):
    finished = warm_python.run("-c", STEP)
    assert finished.returncode == 0, finished.stderr[-3000:]
