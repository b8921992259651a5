"""Refusing a file takes little memory, whatever the file claims."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_files

pytestmark = pytest.mark.long


def test_tiny_files_that_claim_to_be_huge_cost_little_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, tiny_files.__file__, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    n_refused, megabytes = map(int, done.stdout.split())
    assert n_refused > 40 and megabytes < 500
