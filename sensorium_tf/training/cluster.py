"""The processes that train together, as the environment variable TF_CONFIG lists them."""

import contextlib
import dataclasses
import json
import os
import socket
import sys
import time
from collections.abc import Iterator

from sensorium_tf.errors import SensoriumError

_VARIABLE = "TF_CONFIG"
_EXAMPLE = '{"cluster": {"worker": ["host1:port", ...]}, "task": {"type": "worker", "index": 0}}'
# Seconds between two looks at a worker that is not there yet, and until a person is told of it.
_PAUSE, _PATIENCE = 0.2, 5.0


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Workers of one run, and which of them this process is.

    Attributes:
      own: `host:port` of this process.
      others: those of the other processes, by what they are called, such as `worker 1`.
    """

    own: str
    others: dict[str, str]


def cluster_is_set() -> bool:
    """Tells whether the environment describes a cluster."""
    return bool(os.environ.get(_VARIABLE))


def read_cluster() -> Cluster:
    """Reads TF_CONFIG.

    Raises:
      SensoriumError: if it is missing or does not describe a worker of a cluster.
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
            f"expected {_EXAMPLE}"
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
      cluster: of this process.

    Raises:
      SensoriumError: if this process cannot listen at its own address.
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
                print(f"waiting for {names} to be started", file=sys.stderr, flush=True)
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
            f"this worker cannot listen at {address} ({e.strerror or e}): is another process there?"
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
