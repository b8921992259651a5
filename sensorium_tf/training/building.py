"""What a run is made of: its mice and its model."""

import os
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from sensorium_tf.data import Mouse, load_mouse
from sensorium_tf.data.common_inputs import inputs_of
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import FiringRateModel, PoissonLoss, build_model, check_parts
from sensorium_tf.models.ops.precision import keras_defaults
from sensorium_tf.registry import custom_modules
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.specs import InputSpec
from sensorium_tf.testing import check_model
from sensorium_tf.training.devices import describe


def open_mice(
    settings: TrainingSettings,
    strategy: tf.distribute.Strategy,
    *,
    data_dir: str | os.PathLike | None = None,
) -> tuple[list[Mouse], InputSpec]:
    """Opens the mice of a run, and tells what its model is given.

    Args:
        settings: Of the run.
        strategy: Where it computes.
        data_dir: Where the prepared datasets are; TFDS's default if left out.

    Raises:
        SensoriumError: If one cannot be trained on, a device would have no trial of some batch, or
            there is no such model.
    """
    check_parts(settings.architecture, movies=settings.has_time)
    challenge = settings.benchmark
    mice = [
        load_mouse(name, data_dir=data_dir, challenge=challenge)
        .with_image_size(settings.image_size)
        .with_statistics(settings.movies.statistics)
        for name in settings.mice
    ]
    inputs = inputs_of(
        mice,
        track=settings.track,
        channels=settings.channels,
        extras=settings.extras,
        transforms=settings.transforms,
        past_tiers=settings.past_tiers,
    )
    for mouse in mice:
        if not mouse.tiers.get(chooser := settings.subset.validation_tier):
            raise SensoriumError(
                f"{mouse.name}: has no trials of tier {chooser!r}, by which weights are chosen, "
                f"only {', '.join(mouse.tiers)}: choose them by another one (--validation_tier), "
                "or make some of its training trials validation trials and prepare it again"
            )
        for tier in settings.subset.tiers:
            mouse.check_tier(tier, responses=True)
    mice = [settings.subset.neurons_of(mouse) for mouse in mice]
    n_trials = {mouse.name: settings.n_train_trials_of(mouse) for mouse in mice}
    _check_shares(n_trials, settings.batch_size, strategy)
    return mice, inputs


def _check_shares(
    n_trials: Mapping[str, int], batch_size: int, strategy: tf.distribute.Strategy
) -> None:
    """Refuses batches of which some device would get no trial."""
    n_replicas = strategy.num_replicas_in_sync

    def smallest(mouse: str, size: int) -> int:
        return min(n_trials[mouse] % size or size, n_trials[mouse])

    for mouse, number in n_trials.items():
        if smallest(mouse, batch_size) < n_replicas:
            sizes = range(1, max(n_trials.values()) + 1)
            fitting = [s for s in sizes if all(smallest(m, s) >= n_replicas for m in n_trials)]
            nearest = min(fitting, key=lambda size: abs(size - batch_size), default=None)
            raise SensoriumError(
                f"batch_size {batch_size}: the last of {mouse}'s {number} trials are a batch of "
                f"{smallest(mouse, batch_size)}, too few for {describe(strategy)}: "
                + ("use fewer devices" if nearest is None else f"use --batch_size={nearest}")
            )


def _check_frames(settings: TrainingSettings, lost: int) -> None:
    """Refuses a model that gives no rates where responses are trained on or scored."""
    if settings.movies.window <= lost:
        raise SensoriumError(
            f"window {settings.movies.window}: the model gives no rates for the first {lost} "
            f"frames: use --window={lost + 1} or more"
        )
    if lost > (skip := settings.benchmark.skip_frames):
        raise SensoriumError(
            f"the model gives no rates for the first {lost} frames, but all after the first {skip} "
            "are scored: choose a core that loses fewer"
        )


def compiled_model(
    settings: TrainingSettings, mice: Sequence[Mouse], inputs: InputSpec
) -> FiringRateModel:
    """Returns the untrained model of a run, with its losses and optimizer.

    Args:
        settings: Of the run.
        mice: Those that the settings name.
        inputs: What the model is given.

    Raises:
        SensoriumError: If the model cannot be built, or a custom one cannot be trained.
    """
    mixed = settings.devices.mixed_precision
    with keras_defaults("mixed_bfloat16" if mixed else "float32"):
        model = build_model(
            settings.architecture,
            {mouse.name: mouse.cell_motor_coordinates for mouse in mice},
            inputs,
            seed=settings.seed,
            joint_core=settings.joint_core,
        )
        if custom_modules(model):
            check_model(model)
    if settings.has_time:
        _check_frames(settings, model.lost_frames)
    model.core.trainable = not settings.freeze_core
    # The loss of a batch grows with the root of its size, the penalties do not.
    balance = (settings.how.balance_batch_size or settings.batch_size) / settings.batch_size
    n_train_trials = {mouse.name: settings.n_train_trials_of(mouse) for mouse in mice}
    weight = settings.correlation_weight or 0.0
    model.compile(
        optimizer=keras.optimizers.Adam(
            settings.learning_rate, epsilon=1e-8, weight_decay=settings.weight_decay or None
        ),
        loss={
            mouse: PoissonLoss(number * balance, correlation_weight=weight)
            for mouse, number in n_train_trials.items()
        },
        # XLA's depthwise convolution is many times slower on a CPU.
        jit_compile=False,
    )
    # Adam makes its moments at the first step, but a checkpoint holds them from the start.
    model.optimizer.build(model.trainable_variables)
    return model
