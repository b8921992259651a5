"""On which devices a run trains."""

import hashlib
from collections.abc import Callable

import tensorflow as tf

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.training.cluster import cluster_is_set, read_cluster, wait_for_workers

#: What `make_strategy` knows by name.
STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker")


def make_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """Makes a distribution strategy. To be called before anything else makes TensorFlow compute.

    Args:
      name: `one_device` (the first GPU, else the CPU), `mirrored` (all visible GPUs of this
        machine, else all logical CPU devices), `multi_worker` (the processes that the environment
        variable TF_CONFIG lists, each with all of its devices), or `auto`: multi_worker where
        TF_CONFIG is set, mirrored where there are several GPUs, else one_device.

    Raises:
      SensoriumError: if there is no such strategy, or TF_CONFIG is missing or does not describe a
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


def chiefs_value(strategy: tf.distribute.Strategy) -> Callable[[float], float]:
    """Returns a function that gives all workers the first one's number; all must call it.

    What each computes by itself may differ by rounding, and decisions by it must not.
    """

    def of_first(number):
        context = tf.distribute.get_replica_context()
        return tf.where(context.replica_id_in_sync_group == 0, number, tf.zeros_like(number))

    @tf.function
    def summed(number):
        numbers = strategy.run(of_first, args=(number,))
        return strategy.reduce(tf.distribute.ReduceOp.SUM, numbers, axis=None)

    if not _has_workers(strategy):
        return lambda number: number
    return lambda number: float(summed(tf.constant(number, tf.float64)))


def describe(strategy: tf.distribute.Strategy) -> str:
    """Returns in a few words what a strategy trains on."""
    n_replicas = strategy.num_replicas_in_sync
    if n_replicas == 1:
        return "one device"
    return f"{n_replicas} devices that share each batch"


def _has_workers(strategy: tf.distribute.Strategy) -> bool:
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
