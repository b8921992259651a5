"""Processes that train together wait for one another, and can be stopped meanwhile."""

import json
import signal
import socket
import threading
from pathlib import Path

import pytest
from free_ports import free_port

from sensorium_tf import SensoriumError
from sensorium_tf.training.devices import Cluster, make_strategy, read_cluster, wait_for_workers


def free_address():
    return f"localhost:{free_port()}"


def test_a_cluster_is_read(monkeypatch):
    config = {
        "cluster": {"chief": ["a:1"], "worker": ["b:2", "[::1]:3"]},
        "task": {"type": "worker", "index": 1},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert read_cluster() == Cluster("[::1]:3", {"chief 0": "a:1", "worker 0": "b:2"})


@pytest.mark.parametrize("address", ["a", "a:", ":1", "a:b", "a:70000", "foo..bar:1", 1])
def test_what_is_no_address_is_refused(monkeypatch, address):
    config = {"cluster": {"worker": ["a:1", address]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    with pytest.raises(SensoriumError, match="does not describe a worker of a cluster"):
        read_cluster()


@pytest.mark.parametrize("left", ["{}", '{"task": {"type": "worker", "index": 0}}', "[]", "x"])
def test_what_was_left_over_is_named_with_the_way_around_it(monkeypatch, left):
    monkeypatch.setenv("TF_CONFIG", left)
    with pytest.raises(SensoriumError, match="TF_CONFIG .*--strategy=one_device, or unset"):
        make_strategy("auto")
    assert make_strategy("one_device").num_replicas_in_sync == 1


def test_workers_go_on_once_all_are_there():
    addresses = [free_address() for _ in range(3)]
    went_on = []

    def worker(number):
        others = {str(i): a for i, a in enumerate(addresses) if i != number}
        wait_for_workers(Cluster(addresses[number], others))
        went_on.append(number)

    threads = [threading.Thread(target=worker, args=[number], daemon=True) for number in range(3)]
    for thread in threads[:2]:
        thread.start()
    threads[0].join(timeout=1)
    assert went_on == []
    # As a server of TensorFlow that is there already.
    host, port = addresses[2].split(":")
    with socket.create_server((host, int(port))):
        for thread in threads[:2]:
            thread.join(timeout=300)
    assert sorted(went_on) == [0, 1]


def test_an_address_in_use_is_refused():
    with socket.create_server(("", 0)) as server:
        address = f"localhost:{server.getsockname()[1]}"
        with pytest.raises(SensoriumError, match=f"cannot listen at {address} .*in use"):
            wait_for_workers(Cluster(address, {}))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_lone_worker_says_whom_it_waits_for_and_can_be_stopped(tmp_path, warm_python, number):
    own, other = free_address(), free_address()
    config = {"cluster": {"worker": [own, other]}, "task": {"type": "worker", "index": 0}}
    process = warm_python.start(
        Path(__file__).parents[2] / "launch" / "train.py",
        "--strategy=multi_worker",
        f"--workdir={tmp_path / 'run'}",
        f"--data_dir={tmp_path}",
        TF_CONFIG=json.dumps(config),
    )
    try:
        assert f"waiting for worker 1 ({other}) to be started" in process.stderr.readline()
        process.send_signal(number)
        _, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == (1 if number == signal.SIGINT else -signal.SIGTERM)
    assert "Traceback" not in errors
    assert not (tmp_path / "run").exists()
