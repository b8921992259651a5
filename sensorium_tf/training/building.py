"""What a run is made of: its mice, its model, and all that its loop takes of the settings."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from sensorium_tf.data import Batches, Mouse, inputs_of, load_mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import FiringRateModel, PoissonLoss, build_model, check_parts
from sensorium_tf.registry import custom_modules
from sensorium_tf.runs import Provenance, RunStore
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.specs import InputSpec
from sensorium_tf.testing import check_model
from sensorium_tf.training.budget import Share
from sensorium_tf.training.devices import chiefs_value, describe
from sensorium_tf.training.pacing import TimedSchedule
from sensorium_tf.training.schedules import PlateauSchedule, Schedule, WarmupStableDecay
from sensorium_tf.training.starting import start
from sensorium_tf.training.step import Steps
from sensorium_tf.training.validation import Validation

# Batches inside one call of the compiled loop: few enough for a progress bar that moves.
_BATCHES_PER_CALL = 4
_RAMPS = ("warmup_epochs", "cooldown_epochs")


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
    inputs = inputs_of(
        mice,
        track=settings.track,
        channels=settings.channels,
        extras=settings.extras,
        transforms=settings.transforms,
        past_tiers=settings.past_tiers,
    )
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
    model = build_model(
        settings.architecture,
        {mouse.name: mouse.cell_motor_coordinates for mouse in mice},
        inputs,
        seed=settings.seed,
        joint_core=settings.joint_core,
        policy="mixed_bfloat16" if settings.devices.mixed_precision else "float32",
    )
    if custom_modules(model):
        check_model(model)
    if settings.has_time:
        settings.check_frames(model.lost_frames)
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


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Plan:
    """What the loop of a run takes of its settings: ready parts, and numbers.

    Attributes:
        model: Compiled, with the weights to start from.
        sources: Model that the settings name to the signals and trials that it uses.
        strategy: Where to compute.
        batches: Of the trials to train on.
        steps: Takes them, several in one call.
        per_call: How many in one call.
        schedule: Of the learning rate, before any score.
        validation: Scores the weights.
        counted: What the loss that people read is a mean over, beside neurons: `trial` or `frame`.
        n_rates: Rates of each mouse in a trial that are trained on.
        remedy: What to do if values are not finite.
    """

    model: FiringRateModel
    sources: Mapping[str, Provenance]
    strategy: tf.distribute.Strategy
    batches: Batches
    steps: Steps
    per_call: int
    schedule: Schedule
    validation: Validation
    counted: str
    n_rates: Sequence[int]
    remedy: str


def plan_run(
    settings: TrainingSettings,
    mice: Sequence[Mouse],
    inputs: InputSpec,
    store: RunStore,
    *,
    strategy: tf.distribute.Strategy,
    data_dir: str | os.PathLike | None = None,
    places: Mapping[str, os.PathLike] | None = None,
    share: Share | None = None,
    say: bool = False,
) -> Plan:
    """Makes the parts of a run.

    Args:
        settings: Of the run.
        mice: Those that the settings name.
        inputs: What the model is given.
        store: The run's folder, which is read alone.
        strategy: Where to compute.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        places: Model file that the settings name to where it is, if that is elsewhere.
        share: The time that the run may take; None for as many epochs as the settings say.
        say: Whether to print what is taken from other models and what is left out.

    Raises:
        SensoriumError: If the model cannot be built, or does not fit what it is to start from or
            to learn from.
    """
    # The model first: what does not fit is found before any trial is read.
    with strategy.scope():
        model = compiled_model(settings, mice, inputs)
    trials, sources = start(
        settings, model, mice, store, places=places or {}, data_dir=data_dir, say=say
    )
    batches = Batches(
        trials, inputs=model.inputs, batch_size=settings.batch_size, seed=settings.seed
    )
    per_call, agreed = max(1, _BATCHES_PER_CALL // len(mice)), chiefs_value(strategy)
    rates = {"learning_rate": settings.learning_rate, "epochs": settings.epochs}
    ramps = {name: getattr(settings.schedule, name) for name in _RAMPS}
    if settings.how.schedule == "plateau":
        schedule = PlateauSchedule(settings.schedule, **rates)
    elif share is None:
        schedule = WarmupStableDecay(**rates, **ramps)
    else:
        n_steps = batches.steps_per_epoch
        schedule = TimedSchedule(
            share, n_steps=n_steps, per_call=per_call, agreed=agreed, **rates, **ramps
        )
    counted, size = "trial", 1
    if settings.has_time:
        counted, size = "frame", settings.movies.window - model.lost_frames
    remedy = (
        "try a lower --learning_rate or --clip_norm in a new --workdir (the best weights until "
        f"then are in {store.model_file})"
    )
    return Plan(
        model=model,
        sources=sources,
        strategy=strategy,
        batches=batches,
        steps=Steps(
            model,
            strategy,
            clip_norm=settings.clip_norm,
            ema_decay=settings.ema_decay or None,
        ),
        per_call=per_call,
        schedule=schedule,
        validation=Validation(
            model,
            {mouse.name: mouse for mouse in mice},
            trained=trials,
            chosen_by={each.name: settings.subset.validation_trials_of(each) for each in mice},
            tier=settings.subset.chooser,
            agreed=agreed,
            remedy=remedy,
        ),
        counted=counted,
        n_rates=[model.readouts[mouse].n_neurons * size for mouse in model.mice],
        remedy=remedy,
    )
