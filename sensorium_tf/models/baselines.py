"""The published baselines, by name."""

import dataclasses
from collections.abc import Mapping

from sensorium_tf.errors import SensoriumError
from sensorium_tf.kinds import check_kinds
from sensorium_tf.models.core import Core
from sensorium_tf.models.firing_rate_model import FiringRateModel
from sensorium_tf.models.readout import COVARIANCES, POSITIONS, GaussianReadout
from sensorium_tf.models.seeds import spawn_seeds
from sensorium_tf.models.shifter import Shifter
from sensorium_tf.tracks import IMAGE_SIZE, check_track, image_shape

#: What sets the baselines apart: nonlinearity of the core, and blocks after its stem.
BASELINES = {"cnn": ("elu", 3), "ln": ("linear", 2)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class BaselineSettings:
    """Hyperparameters of the baselines; the defaults are the published ones (arXiv 2206.08666).

    Attributes:
        hidden_channels: Channels of every layer of the core.
        input_kernel: Height and width of the stem's kernels, in pixels.
        hidden_kernel: Height and width of the depthwise kernels, in pixels.
        n_blocks: Blocks after the stem; `None` for the baseline's own number (CNN 3, LN 2).
        laplace_penalty: Strength of the stem's smoothness penalty.
        covariance: Readout's Gaussian: `"full"`, `"uncorrelated"` or `"isotropic"`.
        positions: `"predicted"` from cortex, or `"free"`.
        position_hidden_units: Hidden units of the network that predicts positions.
        sigma_init: Initial range of the Gaussian's width, in half widths of the map.
        feature_penalty: Strength of the L1 penalty on the readouts' features.
        shifter: Whether models of `sensorium_plus` have a shifter for every mouse.
        shifter_hidden_units: Units of the shifter's hidden layers.
        shifter_layers: Layers of the shifter.
    """

    hidden_channels: int = 64
    input_kernel: int = 9
    hidden_kernel: int = 7
    n_blocks: int | None = None
    laplace_penalty: float = 6.3831
    covariance: str = "full"
    positions: str = "predicted"
    position_hidden_units: int = 30
    sigma_init: float = 0.1
    feature_penalty: float = 0.0076
    shifter: bool = True
    shifter_hidden_units: int = 5
    shifter_layers: int = 3

    def __post_init__(self):
        """Refuses what no layer could be made of, before any layer is."""
        check_kinds(self)
        counts = ("hidden_channels", "input_kernel", "hidden_kernel", "position_hidden_units")
        counts += ("shifter_hidden_units", "shifter_layers")
        for name in counts:
            if getattr(self, name) < 1:
                raise SensoriumError(f"{name} {getattr(self, name)}: expected at least 1")
        if self.input_kernel > min(IMAGE_SIZE):
            raise SensoriumError(
                f"input_kernel {self.input_kernel}: expected at most {min(IMAGE_SIZE)}, the "
                "height of the images"
            )
        if self.n_blocks is not None and self.n_blocks < 0:
            raise SensoriumError(f"n_blocks {self.n_blocks}: expected 0 or more")
        for name, choices in (("covariance", COVARIANCES), ("positions", POSITIONS)):
            if getattr(self, name) not in choices:
                raise SensoriumError(
                    f"{name} {getattr(self, name)!r}: expected {' or '.join(choices)}"
                )


def baseline(
    name: str,
    coordinates: Mapping,
    *,
    track: str = "sensorium",
    settings: BaselineSettings | None = None,
    seed: int | None = None,
) -> FiringRateModel:
    """Makes one of the published baselines, untrained.

    Args:
        name: `"cnn"`, or `"ln"` (the same without nonlinearities in the core).
        coordinates: Mouse -> cell motor coordinates `(neurons, 2 or 3)` in micrometres. The
            order of the mice is kept.
        track: `"sensorium"` (images alone, 1 channel) or `"sensorium_plus"` (behavior as three
            more channels, and a shifter for every mouse unless the settings leave it out).
        settings: Hyperparameters; the published ones by default.
        seed: Seed of the initial weights and of the positions drawn in training; `None` draws
            them anew each time.

    Returns:
        A `FiringRateModel` for images of 36 x 64 pixels.

    Raises:
        SensoriumError: If there is no such baseline or track, no mouse, or coordinates that
            cannot be used.
    """
    if name not in BASELINES:
        raise SensoriumError(f"model {name!r}: unknown, expected {' or '.join(BASELINES)}")
    check_track(track)
    settings = settings or BaselineSettings()
    activation, n_blocks = BASELINES[name]
    core_seed, *mouse_seeds = spawn_seeds(seed, 1 + 2 * len(coordinates))
    seeds = dict(
        zip(coordinates, zip(mouse_seeds[::2], mouse_seeds[1::2], strict=True), strict=True)
    )
    core = Core(
        settings.hidden_channels,
        input_kernel=settings.input_kernel,
        hidden_kernel=settings.hidden_kernel,
        n_blocks=n_blocks if settings.n_blocks is None else settings.n_blocks,
        activation=activation,
        laplace_penalty=settings.laplace_penalty,
        seed=core_seed,
        name="core",
    )
    readouts = {
        mouse: GaussianReadout(
            len(places),
            covariance=settings.covariance,
            positions=settings.positions,
            hidden_units=settings.position_hidden_units,
            sigma_init=settings.sigma_init,
            feature_penalty=settings.feature_penalty,
            seed=seeds[mouse][0],
            name=f"readout_{mouse}",
        )
        for mouse, places in coordinates.items()
    }
    shifters = {
        mouse: Shifter(
            settings.shifter_hidden_units,
            settings.shifter_layers,
            seed=seeds[mouse][1],
            name=f"shifter_{mouse}",
        )
        for mouse in (coordinates if track == "sensorium_plus" and settings.shifter else ())
    }
    model = FiringRateModel(core, readouts, shifters, image_shape=image_shape(track), name=name)
    if settings.positions == "predicted":
        for mouse, places in coordinates.items():
            readouts[mouse].set_coordinates(places)
    return model
