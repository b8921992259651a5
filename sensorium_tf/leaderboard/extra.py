"""Whether what a leaderboard needs is installed."""

import importlib.util

from sensorium_tf.errors import SensoriumError

_PACKAGES = (
    "starlette",
    "uvicorn",
    "sqlalchemy",
    "alembic",
    "jinja2",
    "fsspec",
    "python_multipart",
)


def check_extra() -> None:
    """Raises SensoriumError unless the extra `leaderboard` is installed."""
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise SensoriumError(
            f"{missing[0]} is not installed: pip install 'sensorium_tf[leaderboard]'"
        )
