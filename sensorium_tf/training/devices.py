"""On which devices a run trains, and the processes that train together.

Those are the ones that the environment variable TF_CONFIG lists.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator

import tensorflow as tf

from sensorium_tf.data import Batches
from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.settings import STRATEGIES

_VARIABLE = "TF_CONFIG"
_EXAMPLE = '{"cluster": {"worker": ["host1:port", ...]}, "task": {"type": "worker", "index": 0}}'
# Seconds between two looks at a worker that is not there yet, and until a person is told of it.
_PAUSE, _PATIENCE = 0.2, 5.0
_ALONE = "train by this process alone with --strategy=one_device, or unset it"


def make_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """Makes a distribution strategy. To be called before anything else makes TensorFlow compute.

    Args:
        name: `one_device` (the first GPU, else the CPU), `mirrored` (all visible GPUs of this
            machine, else all logical CPU devices), `multi_worker` (the processes that the
            environment variable TF_CONFIG lists, each with all of its devices), or `auto`:
            multi_worker where TF_CONFIG is set, mirrored where there are several GPUs, else
            one_device.

    Raises:
        SensoriumError: If there is no such strategy, or TF_CONFIG is missing or does not describe a
            cluster of workers that this process can join. It waits for workers not started yet.
    """
    if name not in STRATEGIES:
        raise SensoriumError(f"strategy {name!r}: expected one of {', '.join(STRATEGIES)}")
    if name == "multi_worker" or (name == "auto" and cluster_is_set()):
        wait_for_workers(read_cluster())
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (ValueError, TypeError, tf.errors.OpError) as e:
            raise SensoriumError(
                f"the cluster that TF_CONFIG describes cannot be joined ({one_line(e)[:200]})"
            ) from e
    gpus = tf.config.list_logical_devices("GPU")
    devices = [device.name for device in gpus or tf.config.list_logical_devices("CPU")]
    if name == "mirrored" or (name == "auto" and len(gpus) > 1):
        return tf.distribute.MirroredStrategy(devices)
    return tf.distribute.OneDeviceStrategy(devices[0])


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Tells whether this process is the one that writes."""
    resolver = strategy.cluster_resolver
    if not _has_workers(strategy) or resolver is None:
        return True
    return resolver.task_type == "chief" or (
        resolver.task_type == "worker"
        and resolver.task_id == 0
        and "chief" not in resolver.cluster_spec().jobs
    )


def check_agreement(strategy: tf.distribute.Strategy, text: str) -> None:
    """Raises SensoriumError, on all workers, unless they all call this with the same text."""
    if not _has_workers(strategy):
        return
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:2], "big")

    @tf.function(autograph=False)
    def sums():
        values = strategy.run(lambda: tf.constant([number, number**2], tf.int64))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)

    total, of_squares = map(int, sums())
    # Equal numbers are those without variance.
    if of_squares * strategy.num_replicas_in_sync != total**2:
        raise SensoriumError(
            "the workers were started with different flags: start all with the same"
        )


def chiefs_value(strategy: tf.distribute.Strategy) -> Callable[[float], float]:
    """Returns a function that gives all workers the first one's number; all must call it.

    What each computes by itself may differ by rounding, and decisions by it must not.
    """

    def of_first(number):
        context = tf.distribute.get_replica_context()
        return tf.where(context.replica_id_in_sync_group == 0, number, tf.zeros_like(number))

    @tf.function(autograph=False)
    def summed(number):
        numbers = strategy.run(of_first, args=(number,))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, numbers, axis=None)

    if not _has_workers(strategy):
        return lambda number: number
    return lambda number: float(summed(tf.constant(number, tf.float64)))


def distributed_epoch(
    batches: Batches, strategy: tf.distribute.Strategy, epoch: int, first_step: int = 0
) -> tf.data.Dataset | tf.distribute.DistributedDataset:
    """Returns the batches of an epoch, or the rest of them, shared out to the devices.

    Where it can be, nothing stands between them and the devices: the iterators with which
    TensorFlow would carry them there have a tuner of their own, and wait for it at their end.
    """
    if isinstance(strategy, tf.distribute.OneDeviceStrategy):
        return batches.epoch(epoch, first_step=first_step)

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        n_replicas = context.num_replicas_in_sync
        n_local = n_replicas // context.num_input_pipelines
        first = context.input_pipeline_id * n_local
        return batches.epoch(
            epoch,
            first_step=first_step,
            n_replicas=n_replicas,
            replicas=range(first, first + n_local),
        )

    options = None
    if isinstance(strategy, tf.distribute.MirroredStrategy):
        options = tf.distribute.InputOptions(
            experimental_fetch_to_device=False,
            experimental_replication_mode=tf.distribute.InputReplicationMode.PER_REPLICA,
        )
    return strategy.distribute_datasets_from_function(of_worker, options)


@contextlib.contextmanager
def lost_workers_said() -> Iterator[None]:
    """Says in one line that another worker was lost."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as e:
        raise SensoriumError(
            f"another worker was lost ({one_line(e)[:200]}): start all workers again, and the run "
            "goes on from its last checkpoint"
        ) from e


def describe(strategy: tf.distribute.Strategy) -> str:
    """Returns in a few words what a strategy trains on."""
    n_replicas = strategy.num_replicas_in_sync
    if n_replicas == 1:
        return "one device"
    return f"{n_replicas} devices that share each batch"


def _has_workers(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Workers of one run, and which of them this process is.

    Attributes:
        own: `host:port` of this process.
        others: Those of the other processes, by what they are called, such as `worker 1`.
    """

    own: str
    others: dict[str, str]


def cluster_is_set() -> bool:
    """Tells whether the environment describes a cluster."""
    return bool(os.environ.get(_VARIABLE))


def read_cluster() -> Cluster:
    """Reads TF_CONFIG.

    Raises:
        SensoriumError: If it is missing or does not describe a worker of a cluster.
    """
    text = os.environ.get(_VARIABLE)
    if not text:
        raise SensoriumError(
            f"strategy 'multi_worker' needs the environment variable {_VARIABLE}, such as "
            f"{_EXAMPLE}"
        )
    try:
        config = json.loads(text)
        cluster, kind, index = config["cluster"], config["task"]["type"], config["task"]["index"]
        fits = (
            {"chief", "worker"} >= set(cluster)
            and all(_is_address(a) for addresses in cluster.values() for a in addresses)
            and len(cluster.get("chief", [0])) == 1
            and type(index) is int
            and 0 <= index < len(cluster[kind])
        )
    except (KeyError, ValueError, TypeError, RecursionError):
        fits = False
    if not fits:
        raise SensoriumError(
            f"the environment variable {_VARIABLE} does not describe a worker of a cluster: "
            f"expected {_EXAMPLE}; if it was left over, {_ALONE}"
        )
    names = {
        (each, number): address
        for each, addresses in cluster.items()
        for number, address in enumerate(addresses)
    }
    own = names.pop((kind, index))
    return Cluster(own, {f"{each} {number}": a for (each, number), a in names.items()})


def wait_for_workers(cluster: Cluster) -> None:
    """Waits until every worker of the cluster has been started.

    TensorFlow would wait as well, but silently, and deaf to Ctrl-C and SIGTERM. Each process
    listens where TensorFlow soon will, and goes on once it has reached all others there.

    Args:
        cluster: Of this process.

    Raises:
        SensoriumError: If this process cannot listen at its own address.
    """
    with _listening(cluster.own):
        missing, looks = dict(cluster.others), 0
        while missing:
            missing = {name: a for name, a in missing.items() if not _is_there(a)}
            if not missing:
                return
            looks += 1
            if looks == round(_PATIENCE / _PAUSE):
                names = ", ".join(f"{name} ({address})" for name, address in missing.items())
                print(
                    f"waiting for {names} to be started, which {_VARIABLE} lists; if it was left "
                    f"over, {_ALONE}",
                    file=sys.stderr,
                    flush=True,
                )
            time.sleep(_PAUSE)


def _is_address(text: object) -> bool:
    if not isinstance(text, str):
        return False
    host, colon, port = text.rpartition(":")
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return bool(host and colon) and port.isascii() and port.isdigit() and 0 < int(port) < 65536


@contextlib.contextmanager
def _listening(address: str) -> Iterator[None]:
    port = int(address.rpartition(":")[2])
    family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET
    try:
        server = socket.create_server(
            ("", port), family=family, dualstack_ipv6=family == socket.AF_INET6, backlog=128
        )
    except OSError as e:
        raise SensoriumError(
            f"this worker cannot listen at {address} ({e.strerror or e}): is another process "
            f"there? If {_VARIABLE} was left over, {_ALONE}"
        ) from e
    with server:
        yield


def _is_there(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5 * _PAUSE):
            return True
    except OSError:
        return False
