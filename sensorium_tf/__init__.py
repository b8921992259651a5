"""The Sensorium benchmark for TensorFlow and Keras."""

import importlib.util
import sys
from pathlib import Path

__version__ = "0.1.0"


def _find_datasets() -> None:
    """Makes `sensorium_tf.datasets` importable from a clone that is not installed in place.

    An installed package holds it; in a clone the folder lies beside this one.
    """
    name, beside = f"{__name__}.datasets", Path(__file__).parents[1] / "datasets"
    if importlib.util.find_spec(name) is None and (beside / "__init__.py").is_file():
        spec = importlib.util.spec_from_file_location(
            name, beside / "__init__.py", submodule_search_locations=[str(beside)]
        )
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


_find_datasets()

import sensorium_tf.models.saved  # noqa: E402, F401
from sensorium_tf import (  # noqa: E402
    competition,
    data,
    datasets,
    evaluation,
    metrics,
    models,
    recordings,
    training,
)
from sensorium_tf.data import prepare  # noqa: E402
from sensorium_tf.errors import SensoriumError  # noqa: E402
from sensorium_tf.recordings.simulation import simulate_recording as simulate  # noqa: E402
from sensorium_tf.starting_kit import (  # noqa: E402
    Run,
    baseline,
    compare,
    load,
    score,
    train,
)

__all__ = [
    "Run",
    "SensoriumError",
    "baseline",
    "compare",
    "competition",
    "data",
    "datasets",
    "evaluation",
    "load",
    "metrics",
    "models",
    "prepare",
    "recordings",
    "score",
    "simulate",
    "train",
    "training",
]
