"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data, which only some machines have."""
    folder = os.environ.get("SENSORIUM_SHARED")
    if not folder:
        pytest.skip("SENSORIUM_SHARED is not set: the reference data are not on this machine")
    return Path(folder)
