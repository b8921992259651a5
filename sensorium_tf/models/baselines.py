"""The published baselines, by name."""

from collections.abc import Mapping

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.core import Core
from sensorium_tf.models.firing_rate_model import FiringRateModel
from sensorium_tf.models.readout import GaussianReadout
from sensorium_tf.models.seeds import spawn_seeds
from sensorium_tf.models.settings import BASELINES, BaselineSettings
from sensorium_tf.models.shifter import Shifter
from sensorium_tf.tracks import check_track, image_shape


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
