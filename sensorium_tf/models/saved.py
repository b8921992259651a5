"""All classes that a model file of this package can hold: importing this makes Keras find them."""

from sensorium_tf.models import ensemble, levels, loss, model  # noqa: F401
from sensorium_tf.registry import CORES, MODULATORS, NONLINEARITIES, READOUTS, SHIFTERS

for _registry in (CORES, READOUTS, SHIFTERS, MODULATORS, NONLINEARITIES):
    for _name in _registry.names():
        _registry[_name]
