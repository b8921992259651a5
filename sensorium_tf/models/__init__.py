"""Models of the visual cortex: a shared core, a readout for every mouse, firing rates out."""

from sensorium_tf.models.baselines import BASELINES, BaselineSettings, baseline
from sensorium_tf.models.batch_norm import BatchNorm
from sensorium_tf.models.core import Core, laplace_norm
from sensorium_tf.models.ensemble import EnsembleModel
from sensorium_tf.models.firing_rate_model import FiringRateModel, firing_rate
from sensorium_tf.models.loss import PoissonLoss
from sensorium_tf.models.own import check_model_name, import_modules, model_builder
from sensorium_tf.models.published import load_published, save_published
from sensorium_tf.models.readout import GaussianReadout, normalize_coordinates, same_places
from sensorium_tf.models.sampling import sample_bilinear
from sensorium_tf.models.shifter import Shifter
from sensorium_tf.models.transfer import copy_weights
from sensorium_tf.tracks import image_shape

__all__ = [
    "BASELINES",
    "BaselineSettings",
    "BatchNorm",
    "Core",
    "EnsembleModel",
    "FiringRateModel",
    "GaussianReadout",
    "PoissonLoss",
    "Shifter",
    "baseline",
    "check_model_name",
    "copy_weights",
    "firing_rate",
    "image_shape",
    "import_modules",
    "laplace_norm",
    "load_published",
    "model_builder",
    "normalize_coordinates",
    "same_places",
    "sample_bilinear",
    "save_published",
]
