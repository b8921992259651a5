"""Several devices and several processes train what one device trains."""

import json
import signal
import time

import numpy as np
import pytest
import tensorflow as tf
from free_ports import free_port
from tensorflow.python.data.ops.multi_device_iterator_ops import OwnedMultiDeviceIterator

from sensorium_tf import SensoriumError
from sensorium_tf.data import Batches, inputs_of, load_mouse
from sensorium_tf.runs import load_model
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import make_strategy, train_run
from sensorium_tf.training.devices import distributed_epoch, is_chief

# The readout's noise is left out: devices draw their own.
DRIVER = """
import os, sys
import tensorflow as tf

strategy, n_devices, workdir, data_dir, mice, n_epochs, seed = sys.argv[1:]
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    cpu, [tf.config.LogicalDeviceConfiguration()] * int(n_devices)
)
from sensorium_tf.models import ModelSettings, GaussianReadout
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import train_run, validation

correlation, off = validation.single_trial_correlation, float(os.environ.get("SCORES_OFF_BY", 0))
validation.single_trial_correlation = lambda *arrays: correlation(*arrays) + off

def draw_means(self, size):
    means = self.positions()[None] + 0.0 * tf.reduce_sum(self.sigma)
    return tf.broadcast_to(means, (size, self.n_neurons, 2))

GaussianReadout.draw_positions = draw_means
settings = TrainingSettings(
    mice=tuple(mice.split(",")),
    track="sensorium_plus",
    recipe="fast",
    epochs=int(n_epochs),
    batch_size=5,
    seed=int(seed),
    learning_rate=1e-3,
    ema_decay=0.5,
    clip_norm=50.0,
    correlation_weight=0.2,
    architecture=ModelSettings(hidden_channels=4, n_blocks=1),
)
result = train_run(settings, workdir, data_dir=data_dir, strategy=strategy, verbose=False)
print("best score", result.best_score)
"""


@pytest.fixture(scope="module")
def start(prepared, warm_python):
    """Starts a process that trains."""

    def start_process(
        strategy,
        n_devices,
        workdir,
        cluster=None,
        *,
        mice="full,short",
        n_epochs=3,
        seed=0,
        **environment,
    ):
        if cluster is not None:
            environment["TF_CONFIG"] = json.dumps(cluster)
        arguments = (strategy, n_devices, workdir, prepared, mice, n_epochs, seed)
        return warm_python.start("-c", DRIVER, *arguments, **environment)

    return start_process


def finish(process):
    output, errors = process.communicate()
    assert process.returncode == 0, errors[-3000:]
    return output


def clusters(n_workers):
    addresses = [f"localhost:{free_port()}" for _ in range(n_workers)]
    return [
        {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        for index in range(n_workers)
    ]


@pytest.fixture(scope="module")
def one_device(start, tmp_path_factory):
    folder = tmp_path_factory.mktemp("one") / "run"
    finish(start("one_device", 1, folder))
    return folder


def metrics(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def assert_same_run(folder, one_device):
    ours, theirs = (load_model(each / "model.keras") for each in (folder, one_device))
    for a, b, weight in zip(ours.get_weights(), theirs.get_weights(), ours.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4, err_msg=weight.path)
    for a, b in zip(metrics(folder), metrics(one_device), strict=True):
        assert a == pytest.approx(b, rel=1e-3, abs=1e-4)


def test_two_devices_train_what_one_does(one_device, start, tmp_path):
    finish(start("mirrored", 2, tmp_path / "run"))
    assert_same_run(tmp_path / "run", one_device)


def test_two_processes_train_what_one_does_and_the_first_alone_writes(one_device, start, tmp_path):
    first, second = (
        start("auto", 1, tmp_path / "run", cluster, SCORES_OFF_BY=off)
        for cluster, off in zip(clusters(2), ("0", "0.25"), strict=True)
    )
    # What they decide by is the first one's score.
    assert finish(first) == finish(second)
    assert_same_run(tmp_path / "run", one_device)
    events = (tmp_path / "run" / "tensorboard").glob("events.*")
    assert sorted(path.suffix for path in events) == [".hparams", ".v2"]


def test_a_worker_that_is_lost_ends_the_others_and_a_restart_goes_on(start, tmp_path):
    folder = tmp_path / "run"

    def start_both():
        return [
            start("multi_worker", 1, folder, cluster, mice="full", n_epochs=500)
            for cluster in clusters(2)
        ]

    first, second = start_both()
    while first.poll() is None and not (folder / "metrics.jsonl").exists():
        time.sleep(0.1)
    second.kill()
    second.communicate()
    _, errors = first.communicate()
    assert first.returncode == 1 and "another worker was lost" in errors, errors[-2000:]
    n_done = len(metrics(folder))
    again = start_both()
    while again[0].poll() is None and len(metrics(folder)) == n_done:
        time.sleep(0.1)
    assert len(metrics(folder)) > n_done
    # Asking one of them stops both, after the same step.
    again[1].send_signal(signal.SIGTERM)
    for process in again:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 1 and "TrainingStopped" in errors, errors[-2000:]


def test_workers_with_different_settings_are_refused(start, tmp_path):
    processes = [
        start("multi_worker", 1, tmp_path / "run", cluster, seed=seed)
        for seed, cluster in enumerate(clusters(2))
    ]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 1
        assert "the workers were started with different flags" in errors, errors[-2000:]
    assert not (tmp_path / "run").exists()


def test_strategies_are_made_by_name(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    for name in ("auto", "one_device"):
        strategy = make_strategy(name)
        assert isinstance(strategy, tf.distribute.OneDeviceStrategy)
        assert is_chief(strategy)
    assert isinstance(make_strategy("mirrored"), tf.distribute.MirroredStrategy)


def test_no_iterator_of_an_epoch_has_a_tuner_for_which_its_end_would_wait(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    inputs = inputs_of([mouse], track="sensorium")
    batches = Batches({"full": mouse.trials("train")}, inputs=inputs, batch_size=5, seed=0)
    alone = distributed_epoch(batches, make_strategy("one_device"), 1)
    assert isinstance(alone, tf.data.Dataset) and not alone.options().autotune.enabled

    shared = iter(distributed_epoch(batches, make_strategy("mirrored"), 1))
    hosts = [each._iterator for each in shared._iterators]
    assert not any(isinstance(each, OwnedMultiDeviceIterator) for each in hosts)


@pytest.mark.parametrize(
    ("name", "config", "says"),
    [
        ("tpu", None, "strategy 'tpu': expected one of auto, one_device, mirrored, multi_worker"),
        ("multi_worker", None, "needs the environment variable TF_CONFIG"),
        ("auto", "{", "does not describe a worker of a cluster"),
        ("auto", "[]", "does not describe a worker"),
        ("auto", '{"cluster": {"worker": ["a:1"]}}', "does not describe a worker"),
        (
            "auto",
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
            "does not describe a worker",
        ),
        (
            "auto",
            '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
            "does not describe a worker",
        ),
    ],
)
def test_what_is_no_strategy_is_refused(monkeypatch, name, config, says):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config is not None:
        monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(SensoriumError, match=says):
        make_strategy(name)


@pytest.mark.parametrize(
    ("n_devices", "batch_size", "says"),
    [
        (2, 11, "12 trials are a batch of 1, too few for 2 devices .*: use --batch_size=10"),
        (5, 5, "12 trials are a batch of 2, too few for 5 devices .*: use --batch_size=6"),
        (13, 12, "12 trials are a batch of 12, too few for 13 devices .*: use fewer devices"),
    ],
)
def test_a_batch_with_fewer_trials_than_devices_is_refused(
    prepared, tmp_path, n_devices, batch_size, says
):
    class Devices(tf.distribute.OneDeviceStrategy):
        @property
        def num_replicas_in_sync(self):
            return n_devices

    settings = TrainingSettings(mice=("full",), batch_size=batch_size)
    with pytest.raises(SensoriumError, match=says):
        train_run(settings, tmp_path / "run", data_dir=prepared, strategy=Devices("CPU:0"))
    assert not (tmp_path / "run").exists()
