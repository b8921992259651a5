"""Parts keep their contract on each Keras backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

TESTS = Path(__file__).with_name("test_check_parts.py")
# The core in its full size takes half a minute there in bfloat16, and has no branch of its own.
CONTRACT = "keep_the_contract and not core-sensorium] and not small-"


@pytest.mark.parametrize("backend", ["jax", "tensorflow", "torch"])
def test_parts_keep_the_contract_on_every_backend(backend):
    if backend == keras.backend.backend():
        pytest.skip(reason="the tests of parts ran on this backend")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(reason=f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(TESTS), "-k", CONTRACT],
        # Tests compile much and compute little.
        env={**os.environ, "KERAS_BACKEND": backend, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "passed" in done.stdout and "skipped" not in done.stdout
