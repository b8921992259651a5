"""Settings of the models, which no layer is needed for."""

import dataclasses
import re
import types

from sensorium_tf.config import Config, setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.tracks import IMAGE_SIZE

#: What sets the baselines apart: nonlinearity of the core, and blocks after its stem.
BASELINES = types.MappingProxyType({"cnn": ("elu", 3), "ln": ("linear", 2)})
COVARIANCES = ("full", "uncorrelated", "isotropic")
POSITIONS = ("predicted", "free")

_CUSTOM = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def check_model_name(name: str) -> None:
    """Raises SensoriumError unless it is a baseline or written `package.module:function`."""
    if name not in BASELINES and not _CUSTOM.fullmatch(name):
        raise SensoriumError(
            f"model {name!r}: unknown, expected {' or '.join(BASELINES)} or, for a custom model, "
            "package.module:function"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BaselineSettings(Config):
    """Hyperparameters of the baselines; the defaults are the published ones (arXiv 2206.08666)."""

    title = "model"

    hidden_channels: int = setting(64, "Channels of every layer of the core.", at_least=1)
    input_kernel: int = setting(
        9,
        "Height and width of the first layer's kernels, in pixels.",
        at_least=1,
        at_most=min(IMAGE_SIZE),
    )
    hidden_kernel: int = setting(
        7, "Height and width of the depthwise kernels, in pixels.", at_least=1
    )
    n_blocks: int | None = setting(
        None, "Blocks after the first layer; None for the baseline's: cnn 3, ln 2.", at_least=0
    )
    laplace_penalty: float = setting(
        6.3831, "Strength of the penalty on the roughness of the first layer."
    )
    covariance: str = setting("full", "Of the sampled positions.", choices=COVARIANCES)
    positions: str = setting("predicted", "Predicted from cortex, or free.", choices=POSITIONS)
    position_hidden_units: int = setting(
        30, "Hidden units of the network that predicts positions.", at_least=1
    )
    sigma_init: float = setting(
        0.1, "Range of the positions' width at the start, in half widths of the map."
    )
    feature_penalty: float = setting(
        0.0076, "Strength of the penalty on the size of the readouts' features."
    )
    shifter: bool = setting(True, "Whether models of sensorium_plus follow the pupil.")
    shifter_hidden_units: int = setting(5, "Units of the shifter's hidden layers.", at_least=1)
    shifter_layers: int = setting(3, "Layers of the shifter.", at_least=1)
