"""Models of the visual cortex: a shared core, a readout for every mouse, firing rates out."""

from sensorium_tf.lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BASELINES": "settings",
        "BaselineSettings": "settings",
        "BatchNorm": "batch_norm",
        "Core": "core",
        "EnsembleModel": "ensemble",
        "FiringRateModel": "firing_rate_model",
        "GaussianReadout": "readout",
        "PoissonLoss": "loss",
        "Shifter": "shifter",
        "baseline": "baselines",
        "check_model_name": "settings",
        "copy_weights": "transfer",
        "firing_rate": "firing_rate_model",
        "import_modules": "own",
        "laplace_norm": "core",
        "load_published": "published",
        "model_builder": "own",
        "normalize_coordinates": "readout",
        "same_places": "readout",
        "sample_bilinear": "sampling",
        "save_published": "published",
    },
)
