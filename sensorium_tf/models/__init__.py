"""Models of the visual cortex: a shared core, a readout for every mouse, firing rates out."""

from sensorium_tf.models.baselines import BASELINES, BaselineSettings, baseline
from sensorium_tf.models.batch_norm import BatchNorm
from sensorium_tf.models.core import Core, laplace_norm
from sensorium_tf.models.firing_rate_model import FiringRateModel, firing_rate
from sensorium_tf.models.loss import PoissonLoss
from sensorium_tf.models.readout import GaussianReadout, normalize_coordinates
from sensorium_tf.models.sampling import sample_bilinear
from sensorium_tf.models.shifter import Shifter

__all__ = [
    "BASELINES",
    "BaselineSettings",
    "BatchNorm",
    "Core",
    "FiringRateModel",
    "GaussianReadout",
    "PoissonLoss",
    "Shifter",
    "baseline",
    "firing_rate",
    "laplace_norm",
    "normalize_coordinates",
    "sample_bilinear",
]
