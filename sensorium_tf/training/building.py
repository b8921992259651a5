"""What a run is made of: its mice, its model, and what the model starts from."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from sensorium_tf.challenges import sensorium2022
from sensorium_tf.data import Mouse, Trials, load_mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import FiringRateModel, PoissonLoss, build
from sensorium_tf.registry import custom_code, custom_modules, import_modules
from sensorium_tf.specs import InputSpec
from sensorium_tf.testing import check_model
from sensorium_tf.training.settings import RECIPES, TrainingSettings
from sensorium_tf.training.start import Start, open_start
from sensorium_tf.training.strategies import describe
from sensorium_tf.training.uses import Uses


def check_mice(
    settings: TrainingSettings,
    strategy: tf.distribute.Strategy,
    *,
    data_dir: str | os.PathLike | None = None,
) -> list[Mouse]:
    """Opens the mice of a run.

    Args:
      settings: of the run.
      strategy: where it computes.
      data_dir: where the prepared datasets are; TFDS's default if left out.

    Raises:
      SensoriumError: if one cannot be trained on, a device would have no trial of some batch, or
        there is no model file to start from.
    """
    if settings.architecture.function is not None:
        import_modules([settings.architecture.function[0]])
    mice = [load_mouse(name, data_dir=data_dir) for name in settings.mice]
    for mouse in mice:
        mouse.check_track(settings.track)
        for tier in settings.uses.tiers:
            mouse.check_tier(tier, responses=True)
    mice = [settings.subset.neurons_of(mouse) for mouse in mice]
    _check_shares(settings, mice, strategy)
    return mice


def _check_shares(
    settings: TrainingSettings, mice: Sequence[Mouse], strategy: tf.distribute.Strategy
) -> None:
    """Refuses batches of which some device would get no trial."""
    n_replicas, batch_size = strategy.num_replicas_in_sync, settings.batch_size
    n_trials = {mouse.name: settings.subset.n_train_trials_of(mouse) for mouse in mice}

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
    settings: TrainingSettings,
    coordinates: Mapping[str, np.ndarray],
    n_train_trials: Mapping[str, int],
    inputs: InputSpec,
) -> FiringRateModel:
    """Returns the untrained model of a run, with its losses and optimizer.

    Args:
      settings: of the run.
      coordinates: mouse to cell motor coordinates `(neurons, 3)`, micrometres.
      n_train_trials: mouse to the number of its training trials, which scales its loss.
      inputs: what the model is given.

    Raises:
      SensoriumError: if the model cannot be built, or a custom one cannot be trained.
    """
    with _precision("mixed_bfloat16" if settings.mixed_precision else "float32"):
        model = build(
            settings.architecture,
            coordinates,
            inputs,
            seed=settings.seed,
            joint_core=settings.joint_core,
        )
        if custom_modules(model) or settings.architecture.function is not None:
            check_model(model)
    model.core.trainable = not settings.freeze_core
    # The loss of a batch grows with the root of its size, the penalties do not: small batches get
    # the balance of the published size.
    balance = 1.0
    if settings.recipe != "published":
        balance = RECIPES["published"]["batch_size"] / settings.batch_size
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate, epsilon=1e-8),
        loss={mouse: PoissonLoss(n_train_trials[mouse] * balance) for mouse in coordinates},
        # XLA's depthwise convolution is many times slower on a CPU.
        jit_compile=False,
    )
    return model


def check_start(settings: TrainingSettings, mice: Sequence[Mouse]) -> Uses:
    """Builds a model as a run does, to see whether it can; returns what it uses.

    Args:
      settings: of the run.
      mice: those that the settings name.

    Raises:
      SensoriumError: if there is no such model, or `init_from` does not fit it.
    """
    model = build_model(settings, mice)
    start = None if settings.init_from is None else open_start(settings.init_from)
    if start is not None:
        start.copy_to(model, mice)
    return uses_of(settings, model, start)


def uses_of(settings: TrainingSettings, model: FiringRateModel, start: Start | None) -> Uses:
    """Returns what a run uses.

    Args:
      settings: of the run.
      model: which has shifters if it uses the pupil center.
      start: what it starts from; None for random weights.
    """
    uses = dataclasses.replace(settings.uses, pupil_center=bool(model.shifters))
    return uses if start is None else uses.after(start.uses)


def build_model(settings: TrainingSettings, mice: Sequence[Mouse]) -> FiringRateModel:
    """Returns the untrained model of a run, for the mice that its settings name."""
    return compiled_model(
        settings,
        {mouse.name: mouse.cell_motor_coordinates for mouse in mice},
        {mouse.name: settings.subset.n_train_trials_of(mouse) for mouse in mice},
        inputs_of(settings.track, mice),
    )


def inputs_of(track: str, mice: Sequence[Mouse]) -> InputSpec:
    """Returns what models of a track are given, with the constants of some mice."""
    inputs = sensorium2022.CHALLENGE.inputs(track)
    known = {"image": "images", "behavior": "behavior", "pupil_center": "pupil_center"}
    return inputs.with_constants(
        {
            mouse.name: {
                name: {key: mouse.statistics[known[name]][key] for key in ("mean", "std")}
                for name in inputs.recorded_signals
            }
            for mouse in mice
        }
    )


def start_at_means(model: FiringRateModel, trials: Mapping[str, Trials]) -> None:
    """Makes each neuron's rate start at its mean response.

    Args:
      model: untrained.
      trials: mouse to the trials to train on; other mice are left alone.

    Raises:
      SensoriumError: if a custom readout fails at it.
    """
    for mouse, each in trials.items():
        with custom_code(f"readout of {mouse}: set_mean_rates"):
            model.readouts[mouse].set_mean_rates(each.responses.mean(axis=0, dtype=np.float64))


@contextlib.contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Makes layers that compute in another precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
