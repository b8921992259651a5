"""Checks of custom parts and models, for their tests: each raises what is wrong in one line."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "check_core": "parts",
        "check_model": "models",
        "check_modulator": "parts",
        "check_nonlinearity": "parts",
        "check_readout": "parts",
        "check_shifter": "parts",
    },
)
