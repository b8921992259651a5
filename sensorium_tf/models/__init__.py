"""Models of the visual cortex: a shared core, a readout for every mouse, firing rates out."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Architecture": "settings",
        "BatchNorm": "ops.batch_norm",
        "CoreBase": "base",
        "EnsembleModel": "ensemble",
        "FiringRateModel": "model",
        "GainModulator": "modulators.gain",
        "GaussianReadout": "readouts.gaussian",
        "MLPShifter": "shifters.mlp",
        "ModelSettings": "settings",
        "ModulatorBase": "base",
        "MouseModel": "mouse_model",
        "PRESETS": "settings",
        "PartBase": "base",
        "PoissonLoss": "loss",
        "ReadoutBase": "base",
        "ReplicaSeedGenerator": "ops.replicas",
        "SensoriumCore": "cores.sensorium",
        "ShifterBase": "base",
        "build_model": "factory",
        "check_parts": "factory",
        "copy_weights": "transfer",
        "firing_rate": "ops.firing_rate",
        "laplace_norm": "ops.laplace",
        "linear": "ops.linear",
        "normalize_coordinates": "ops.coordinates",
        "read_bilinear": "ops.reading",
        "same_places": "ops.coordinates",
        "sample_bilinear": "ops.bilinear",
    },
)
