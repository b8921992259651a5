"""How time and memory are measured: medians of several repetitions after a warm-up."""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

_LAUNCH = Path(__file__).parents[1] / "launch"
# Large enough for the full rate of a product.
_MATRIX = 2048


def seconds(work: Callable[[], object], *, repeats: int = 5, warm_up: int = 1) -> float:
    """Returns the median time of some work."""
    times = []
    for _ in range(warm_up + repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[warm_up:])


def peak_memory_gb() -> float:
    """Returns the largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def matmul_gflops() -> float:
    """Returns the rate of a large float32 matrix product: what the machine can do."""
    import tensorflow as tf

    matrix = tf.random.normal((_MATRIX, _MATRIX))
    product = tf.function(lambda: tf.matmul(matrix, matrix))
    return 2 * _MATRIX**3 / seconds(product) / 1e9


def process(arguments: list[str]) -> float:
    """Runs a new Python; returns its peak memory in GB."""
    # In between, a small process: a child's peak includes what its parent holds when it starts.
    between = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", between, sys.executable, *arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return int(done.stdout) / 1e6


def launcher(name: str, *arguments: str) -> tuple[float, float]:
    """Runs a launcher; returns its seconds and its peak memory in GB."""
    begun = time.perf_counter()
    memory = process([str(_LAUNCH / f"{name}.py"), *arguments])
    return time.perf_counter() - begun, memory
