"""On which devices a run trains."""

import hashlib
import json
import os

import tensorflow as tf

from sensorium_tf.errors import SensoriumError, one_line

STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker")
_CLUSTER = "TF_CONFIG"


def make_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """Makes a distribution strategy. To be called before anything else makes TensorFlow compute.

    Args:
      name: `one_device` (the first GPU, else the CPU), `mirrored` (all visible GPUs of this
        machine, else all logical CPU devices), `multi_worker` (the processes that the environment
        variable TF_CONFIG lists, each with all of its devices), or `auto`: multi_worker where
        TF_CONFIG is set, mirrored where there are several GPUs, else one_device.

    Raises:
      SensoriumError: if there is no such strategy, or TF_CONFIG is missing or does not describe a
        cluster of workers.
    """
    if name not in STRATEGIES:
        raise SensoriumError(f"strategy {name!r}: expected one of {', '.join(STRATEGIES)}")
    if name == "multi_worker" or (name == "auto" and os.environ.get(_CLUSTER)):
        _check_cluster()
        try:
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (ValueError, TypeError, tf.errors.OpError) as e:
            raise SensoriumError(
                f"the cluster of the environment variable {_CLUSTER} cannot be joined "
                f"({one_line(e)[:200]})"
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

    @tf.function
    def sums():
        values = strategy.run(lambda: tf.constant([number, number**2], tf.int64))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, values, axis=None)

    total, of_squares = map(int, sums())
    # Equal numbers are those without variance.
    if of_squares * strategy.num_replicas_in_sync != total**2:
        raise SensoriumError(
            "the workers were started with different flags: start all with the same"
        )


def describe(strategy: tf.distribute.Strategy) -> str:
    """Returns in a few words what a strategy trains on."""
    n_replicas = strategy.num_replicas_in_sync
    if n_replicas == 1:
        return "one device"
    return f"{n_replicas} devices that share each batch"


def _has_workers(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _check_cluster() -> None:
    """Raises SensoriumError unless TF_CONFIG describes this worker of a cluster."""
    example = '{"cluster": {"worker": ["host1:port", ...]}, "task": {"type": "worker", "index": 0}}'
    try:
        config = json.loads(os.environ[_CLUSTER])
        cluster, task = config["cluster"], config["task"]
        addresses = cluster[task["type"]]
        known = {"chief", "worker"} >= set(cluster)
        fits = (
            known
            and all(isinstance(a, str) and ":" in a for each in cluster.values() for a in each)
            and len(cluster.get("chief", [0])) == 1
            and type(task["index"]) is int
            and 0 <= task["index"] < len(addresses)
        )
    except KeyError as e:
        if e.args[0] == _CLUSTER:
            raise SensoriumError(
                f"strategy 'multi_worker' needs the environment variable {_CLUSTER}, such as "
                f"{example}"
            ) from e
        fits = False
    except (ValueError, TypeError):
        fits = False
    if not fits:
        raise SensoriumError(
            f"the environment variable {_CLUSTER} does not describe a worker of a cluster: "
            f"expected {example}"
        )
