"""The training run: prepared mice in, a workdir out."""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import tensorflow as tf

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.ops.precision import keras_defaults
from sensorium_tf.runs import RunRecord, RunStore
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training.budget import Share
from sensorium_tf.training.building import open_mice, plan_run
from sensorium_tf.training.callbacks import (
    Callback,
    MetricsFile,
    Profiler,
    Progress,
    Watch,
)
from sensorium_tf.training.controller import Controller
from sensorium_tf.training.devices import (
    check_agreement,
    is_chief,
    lost_workers_said,
    make_strategy,
)
from sensorium_tf.training.interruption import stop_on_sigterm
from sensorium_tf.training.result import TrainingResult
from sensorium_tf.training.tensorboard_log import TensorBoardLog


@keras_defaults()
def train_run(
    settings: TrainingSettings,
    workdir: str | os.PathLike,
    *,
    data_dir: str | os.PathLike | None = None,
    strategy: str | tf.distribute.Strategy = "auto",
    modules: Mapping[str, str] | None = None,
    watch: Sequence[Watch] = (),
    callbacks: Sequence[Callback] = (),
    profile: bool = False,
    verbose: bool = True,
    stage: str = "",
    places: Mapping[str, Path] | None = None,
    share: Share | None = None,
) -> TrainingResult:
    """Trains a model, or goes on with a run that was stopped.

    What a run that goes on prefers is said in `runs.checkpoint`.

    Args:
        settings: What to train and how. `deterministic` holds for all that the process computes
            from then on: TensorFlow cannot take it back.
        workdir: Folder of the run: `config.json`, `model.keras` (the best weights so far),
            `metrics.jsonl`, `tensorboard/` and `checkpoints/`. What these call `validation/...` is
            of the tier that chooses the weights, whichever that is. Of several workers the first
            one alone writes, and all must see the folder.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        strategy: Where to compute, see `make_strategy`.
        modules: Custom modules that were imported for the run, and a digest of each one's code.
        watch: Called with the log after some of the epochs, to draw what it likes.
        callbacks: What watches the run beside those that write its files.
        profile: Whether to record the second call of the compiled loop for TensorBoard's profiler.
        verbose: Whether to print a line for each epoch, and on a terminal a bar of its steps.
        stage: What the lines begin with, such as `stage 2 of 3`.
        places: Model file that the settings name to where it is, if that is elsewhere.
        share: The time that the run may take; None for as many epochs as the settings say.

    Returns:
        The model with the best weights, and how it came about.

    Raises:
        SensoriumError: If Keras does not compute by TensorFlow, a mouse cannot be trained on, the
            workdir holds another run, a loss or gradient is not finite, or another worker is lost.
            Nothing is written before settings and mice have been checked.
        TrainingStopped: If the process got SIGTERM. The run is saved and can go on.
    """
    if (backend := keras.backend.backend()) != "tensorflow":
        raise SensoriumError(
            f"training takes Keras's backend tensorflow, but it is {backend}: set the environment "
            "variable KERAS_BACKEND=tensorflow (a trained model is used on any backend)"
        )
    if settings.devices.deterministic:
        tf.config.experimental.enable_op_determinism()
    if isinstance(strategy, str):
        strategy = make_strategy(strategy)
    if settings.devices.mixed_precision and not tf.config.list_logical_devices("GPU"):
        warnings.warn(
            "mixed_precision: without a GPU, bfloat16 takes longer than float32", stacklevel=2
        )
    # Before there is anything to save, so that the signal ends a wait for another process that
    # prepares the mouse.
    mice, inputs = open_mice(settings, strategy, data_dir=data_dir)
    # Not before: a strategy of several workers takes the signal for itself when it is made.
    with stop_on_sigterm() as stop:
        record = RunRecord.new(settings, mice, modules=modules)
        store, writes = RunStore(workdir), is_chief(strategy)
        if writes:
            store.check(record)
        with lost_workers_said():
            check_agreement(strategy, repr(settings.to_json()))
            plan = plan_run(
                settings,
                mice,
                inputs,
                store,
                strategy=strategy,
                data_dir=data_dir,
                places=places,
                share=share,
                say=verbose and writes,
            )
            controller = Controller(plan, store, writes=writes, stop=stop)
            if not writes:
                return controller.run()
            with store.claimed(record.with_model(plan.model, plan.sources)):
                # All parts of the model in one column: runs differ in any of them.
                chosen = {"model": settings.model_name, **settings.to_json()}
                log = TensorBoardLog(store.tensorboard, watch, hyperparameters=chosen)
                watching: list[Callback] = [log, MetricsFile(store), *callbacks]
                if verbose:
                    watching.append(Progress(stage))
                if profile:
                    watching.append(Profiler(store.tensorboard))
                return controller.run(watching)
