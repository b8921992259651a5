"""Parts by name: what `--core="vit(depth=4)"` stands for, in flags, in Python and in JSON."""

from sensorium_tf.registry.modules import (
    custom_code,
    custom_modules,
    import_modules,
    import_recorded,
    record_modules,
    source_digest,
)
from sensorium_tf.registry.part import Part
from sensorium_tf.registry.registries import (
    CORES,
    METRICS,
    MODULATORS,
    NONLINEARITIES,
    READOUTS,
    RECIPES,
    SHIFTERS,
    Registry,
)

__all__ = [
    "CORES",
    "METRICS",
    "MODULATORS",
    "NONLINEARITIES",
    "READOUTS",
    "RECIPES",
    "SHIFTERS",
    "Part",
    "Registry",
    "custom_code",
    "custom_modules",
    "import_modules",
    "import_recorded",
    "record_modules",
    "source_digest",
]
