"""The training run: prepared mice in, a workdir out."""

import contextlib
import dataclasses
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from sensorium_tf.data import Batches, Mouse, inputs_of
from sensorium_tf.errors import SensoriumError, TrainingStopped, one_line
from sensorium_tf.locking import file_lock
from sensorium_tf.metrics import single_trial_correlation
from sensorium_tf.models import FiringRateModel
from sensorium_tf.training.building import build_model, check_mice, start_at_means, uses_of
from sensorium_tf.training.interruption import StopRequest, stop_on_sigterm
from sensorium_tf.training.prediction import Predictor
from sensorium_tf.training.schedule import LearningPlan, Schedule, Trapezoid
from sensorium_tf.training.settings import TrainingSettings
from sensorium_tf.training.start import Start, open_start
from sensorium_tf.training.steps import Steps
from sensorium_tf.training.strategies import (
    check_agreement,
    chiefs_value,
    is_chief,
    make_strategy,
)
from sensorium_tf.training.tensorboard import RunLog, Watch
from sensorium_tf.training.totals import BadStep, EpochTotals
from sensorium_tf.training.workdir import Workdir

# Batches inside one call of the compiled loop: few enough for a progress bar that moves.
_BATCHES_PER_CALL = 4
SCORE = "validation/single_trial_correlation"


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What a finished run comes to.

    Attributes:
      model: with the best weights.
      model_file: where it is.
      epochs: the lines of `metrics.jsonl`.
      best_score: single-trial correlation of the best weights on the tier that chose them, mean
        over the neurons of all mice.
    """

    model: FiringRateModel
    model_file: Path
    epochs: list[dict[str, float]]
    best_score: float


def train(
    settings: TrainingSettings,
    workdir: str | os.PathLike,
    *,
    data_dir: str | os.PathLike | None = None,
    strategy: str | tf.distribute.Strategy = "auto",
    watch: Sequence[Watch] = (),
    profile: bool = False,
    verbose: bool = True,
) -> TrainingResult:
    """Trains a model, or goes on with a run that was stopped.

    Args:
      settings: what to train and how. `deterministic` holds for all that the process computes from
        then on: TensorFlow cannot take it back.
      workdir: folder of the run: `config.json`, `model.keras` (the best weights so far),
        `metrics.jsonl`, `tensorboard/` and `checkpoints/`. What these call `validation/...` is of
        the tier that chooses the weights, whichever that is. Of several workers the first one alone
        writes, and all must see the folder.
      data_dir: where the prepared datasets are; TFDS's default if left out.
      strategy: where to compute, see `make_strategy`.
      watch: called with the log after some of the epochs, to draw what it likes.
      profile: whether to record the second call of the compiled loop for TensorBoard's profiler.
      verbose: whether to show a progress bar for each epoch.

    Returns:
      The model with the best weights, and how it came about.

    Raises:
      SensoriumError: if a mouse cannot be trained on, the workdir holds another run, a loss or
        gradient is not finite, or another worker is lost. Nothing is written before settings and
        mice have been checked.
      TrainingStopped: if the process got SIGTERM. The run is saved and can go on.
    """
    if settings.deterministic:
        tf.config.experimental.enable_op_determinism()
    if isinstance(strategy, str):
        strategy = make_strategy(strategy)
    if settings.mixed_precision and not tf.config.list_logical_devices("GPU"):
        warnings.warn(
            "mixed_precision: without a GPU, bfloat16 takes longer than float32", stacklevel=2
        )
    # Before there is anything to save, so that the signal ends a wait for another process that
    # prepares the mouse.
    mice = check_mice(settings, strategy, data_dir=data_dir)
    # Not before: a strategy of several workers takes the signal for itself when it is made.
    with stop_on_sigterm() as stop:
        folder, writes = Workdir(workdir), is_chief(strategy)
        if writes:
            folder.check(settings, mice)
        with _other_workers():
            check_agreement(strategy, repr(settings.to_json()))
            run = _Run(settings, mice, folder, strategy, verbose=verbose and writes, writes=writes)
            if not writes:
                return run.to_the_end(stop, (), profile=False)
            with file_lock(folder.lock, "training"):
                folder.claim(settings, mice, run.uses)
                folder.sweep()
                return run.to_the_end(stop, watch, profile=profile)


@contextlib.contextmanager
def _other_workers() -> Iterator[None]:
    """Says in one line that another worker was lost."""
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as e:
        raise SensoriumError(
            f"another worker was lost ({one_line(e)[:200]}): start all workers again, and the run "
            "goes on from its last checkpoint"
        ) from e


class _Run:
    """A run in memory: what it reads, what it changes, and when it is saved."""

    def __init__(
        self,
        settings: TrainingSettings,
        mice: Sequence[Mouse],
        workdir: Workdir,
        strategy: tf.distribute.Strategy,
        *,
        verbose: bool,
        writes: bool,
    ):
        self._settings = settings
        self._mice = {mouse.name: mouse for mouse in mice}
        self._workdir = workdir
        self._strategy = strategy
        self._verbose = verbose
        self._writes = writes
        # The model first: what does not fit is found before any trial is read.
        with strategy.scope():
            self._model = build_model(settings, mice)
            # Adam makes its moments at the first step, but a checkpoint holds them from the start.
            self._model.optimizer.build(self._model.trainable_variables)
        start, known = None, ()
        # A run that goes on needs the file no more.
        if settings.init_from is not None and not workdir.has_checkpoint:
            start = open_start(settings.init_from)
            known = start.copy_to(self._model, mice)
            self._say_start(start, known)
        self.uses = uses_of(settings, self._model, start)
        trials = {mouse.name: settings.subset.train_trials_of(mouse) for mouse in mice}
        if settings.mean_bias:
            start_at_means(self._model, {n: t for n, t in trials.items() if n not in known})
        self._batches = Batches(
            trials,
            inputs=inputs_of(mice, track=settings.track),
            batch_size=settings.batch_size,
            seed=settings.seed,
        )
        tier = settings.subset.validation_tier
        self._validation = {mouse.name: mouse.trials(tier) for mouse in mice}
        self._predictors = {name: Predictor(self._model, name) for name in self._validation}
        self._take_steps = Steps(
            self._model,
            strategy,
            gradient_clip=settings.gradient_clip,
            average_decay=settings.average_decay or None,
        )
        self._chiefs_value = chiefs_value(strategy)
        self._n_calls = 0

    def to_the_end(
        self, stop: StopRequest, watch: Sequence[Watch], *, profile: bool
    ) -> TrainingResult:
        """Trains until the plan or the number of epochs ends the run."""
        self._stop, self._profile = stop, profile
        folder = self._workdir.tensorboard if self._writes else None
        with RunLog(folder, watch, tier=self._settings.subset.validation_tier) as log:
            if not self._resume():
                self._begin(log)
            while len(self._epochs) < self._settings.epochs and not self._stopped:
                self._train_epoch(log)
            self._restore(self._best)
            log.finish(self._settings, {SCORE: self._plan.best_score})
        if self._profile and self._n_calls < 2:
            warnings.warn("profile: too few steps were left to record any", stacklevel=3)
        # The file may have been lost or replaced since the best epoch.
        self._save_model()
        return TrainingResult(
            model=self._model,
            model_file=self._workdir.model_file,
            epochs=self._epochs,
            best_score=self._plan.best_score,
        )

    def _say_start(self, start: Start, copied: Sequence[str]) -> None:
        if not self._verbose:
            return
        readouts = f" and the readout of {', '.join(copied)}" if copied else ""
        parts = [f"from {start.path}: the core{readouts}"]
        for mouse in self._model.mice:
            if mouse not in copied:
                why = "not known to be its neurons" if mouse in start.model.mice else "not in it"
                parts.append(f"new readout for {mouse} ({why})")
        print("; ".join(parts))

    def _begin(self, log: RunLog) -> None:
        """Scores the untrained weights, which are the first best."""
        scores = self._validate(log, epoch=0)
        self._plan = self._new_plan(scores[SCORE])
        self._epochs: list[dict[str, float]] = []
        self._stopped = False
        self._partial = EpochTotals.new(len(self._mice))
        self._best = self._weights()
        self._save_model()
        log.write(0, scores)

    def _train_epoch(self, log: RunLog) -> None:
        epoch = len(self._epochs) + 1
        started, first_step = time.perf_counter(), self._partial.step
        learning_rates = self._plan.learning_rates(epoch, self._batches.steps_per_epoch)
        scalars = {"learning_rate": learning_rates[-1], **self._run_steps(epoch, learning_rates)}
        seconds = time.perf_counter() - started
        with self._averaged():
            scalars |= self._validate(log, epoch)
            decision = self._plan.update(scalars[SCORE])
            if decision.improved:
                self._best = self._weights()
                self._save_model()
        if decision.restore_best:
            self._restore(self._best)
            for average, weight in zip(self._take_steps.averages, self._best, strict=False):
                average.assign(weight)
        self._stopped = decision.stop
        self._epochs.append({"epoch": epoch, **scalars})
        self._partial = EpochTotals.new(len(self._mice))
        steps = range(first_step, self._batches.steps_per_epoch)
        n_images = sum(sum(self._batches.n_trials(step)) for step in steps)
        # Before the checkpoint, from which the run goes on: twice is better than never.
        log.write(epoch, {**scalars, "images_per_second": n_images / seconds})
        self._save()

    def _run_steps(self, epoch: int, learning_rates: Sequence[float]) -> dict[str, float]:
        """Trains on every batch of an epoch; returns the mean loss and its parts."""
        n_steps, partial = self._batches.steps_per_epoch, self._partial
        iterator = iter(self._distributed(epoch, partial.step))
        bar = self._progress_bar(epoch)
        per_call = max(1, _BATCHES_PER_CALL // len(self._mice))
        while partial.step < n_steps:
            steps = range(partial.step, min(partial.step + per_call, n_steps))
            n_trials = [self._batches.n_trials(step) for step in steps]
            with self._profiled():
                totals = self._take_steps(
                    iterator,
                    learning_rates=learning_rates[steps.start : steps.stop],
                    n_trials=n_trials,
                    stop=self._stop.received,
                )
            if totals.bad is not None:
                raise self._not_finite(epoch, steps.start, totals.bad)
            partial.add(n_trials, totals)
            if bar is not None:
                bar.update(partial.step, [("loss", partial.losses(self._model.mice)["loss/total"])])
            if totals.stopped:
                self._save()
                raise TrainingStopped(
                    f"asked to stop in epoch {epoch}, after step {partial.step} of {n_steps}: "
                    f"saved in {self._workdir.path}, the same command goes on"
                )
        return partial.losses(self._model.mice)

    def _distributed(self, epoch: int, first_step: int):
        """Returns the rest of an epoch's batches, shared out to the devices."""

        def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
            n_replicas = context.num_replicas_in_sync
            n_local = n_replicas // context.num_input_pipelines
            first = context.input_pipeline_id * n_local
            return self._batches.epoch(
                epoch,
                first_step=first_step,
                n_replicas=n_replicas,
                replicas=range(first, first + n_local),
            )

        return self._strategy.distribute_datasets_from_function(of_worker)

    def _not_finite(self, epoch: int, first_step: int, bad: BadStep) -> SensoriumError:
        """Returns what to say of a step whose loss or gradients were not finite."""
        what, values = bad.describe(self._model)
        return SensoriumError(
            f"the {what} became infinite or NaN in step {first_step + bad.index + 1} of epoch "
            f"{epoch} ({values}): try a lower --learning_rate or --gradient_clip in a new "
            f"--workdir (the best weights until then are in {self._workdir.model_file})"
        )

    def _validate(self, log: RunLog, epoch: int) -> dict[str, float]:
        """Returns the validation score of each mouse and over the neurons of all of them."""
        correlations, rates = {}, {}
        for mouse, trials in self._validation.items():
            rates[mouse] = self._predictors[mouse](trials, track=self._settings.track)
            if not np.isfinite(rates[mouse]).all():
                if epoch == 0:
                    raise SensoriumError(f"the rates of {mouse} are infinite or NaN from the start")
                raise SensoriumError(
                    f"the rates of {mouse} became infinite or NaN in epoch {epoch}: try a lower "
                    "--learning_rate or --gradient_clip in a new --workdir (the best weights until "
                    f"then are in {self._workdir.model_file})"
                )
            correlations[mouse] = single_trial_correlation(trials.responses, rates[mouse])
        log.show(epoch, self._model, self._mice, self._validation, rates, correlations)
        scores = {f"validation/{mouse}": float(c.mean()) for mouse, c in correlations.items()}
        pooled = np.concatenate(list(correlations.values()))
        return {SCORE: self._chiefs_value(float(pooled.mean())), **scores}

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """Puts the averaged weights, if there are any, in the place of the trained ones."""
        averages = self._take_steps.averages
        if not averages:
            yield
            return
        trained = self._weights()
        self._restore([np.array(average) for average in averages])
        try:
            yield
        finally:
            self._restore(trained)

    @contextlib.contextmanager
    def _profiled(self) -> Iterator[None]:
        # The first call compiles; the second one is what all others are like.
        self._n_calls += 1
        if not self._profile or self._n_calls != 2:
            yield
            return
        tf.profiler.experimental.start(os.fspath(self._workdir.tensorboard))
        try:
            yield
        finally:
            tf.profiler.experimental.stop()

    def _progress_bar(self, epoch: int) -> keras.utils.Progbar | None:
        if not self._verbose:
            return None
        best = self._plan.best_score
        tier = self._settings.subset.validation_tier
        print(
            f"epoch {epoch} of at most {self._settings.epochs}, best {tier} correlation so far "
            f"{best:.4f}"
        )
        return keras.utils.Progbar(
            self._batches.steps_per_epoch, stateful_metrics=["loss"], unit_name="step"
        )

    def _new_plan(self, first_score: float) -> LearningPlan:
        settings = self._settings
        if settings.recipe == "published":
            return Schedule(
                settings.schedule, learning_rate=settings.learning_rate, first_score=first_score
            )
        return Trapezoid(
            learning_rate=settings.learning_rate,
            epochs=settings.epochs,
            warmup_epochs=settings.warmup_epochs,
            cooldown_epochs=settings.cooldown_epochs,
            first_score=first_score,
        )

    def _weights(self) -> list[np.ndarray]:
        return [np.array(weight) for weight in self._model.get_weights()]

    def _restore(self, weights: list[np.ndarray]) -> None:
        self._model.set_weights(weights)

    def _save_model(self) -> None:
        if self._writes:
            self._workdir.save_model(self._model)

    def _variables(self) -> list:
        """Returns all that training changes, the state of the random numbers included."""
        return [
            *self._model.variables,
            *self._model.optimizer.variables,
            *self._take_steps.averages,
        ]

    def _save(self) -> None:
        if not self._writes:
            return
        state = {
            "stopped": self._stopped,
            "epochs": self._epochs,
            "partial": self._partial.state(),
            "plan": self._plan.state(),
        }
        arrays = {f"variable/{i}": np.asarray(v) for i, v in enumerate(self._variables())}
        arrays |= {f"best/{i}": weight for i, weight in enumerate(self._best)}
        n_steps = len(self._epochs) * self._batches.steps_per_epoch + self._partial.step
        self._workdir.save_checkpoint(n_steps, state, arrays)
        self._workdir.write_metrics(self._epochs)

    def _resume(self) -> bool:
        """Goes back to the newest checkpoint that is intact; tells whether there is one."""
        if not self._workdir.resume(self._load):
            return False
        if self._writes:
            # The run may have been killed between two files.
            self._workdir.write_metrics(self._epochs)
            trained = self._weights()
            self._restore(self._best)
            self._save_model()
            self._restore(trained)
        return True

    def _load(self, state: dict, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes over a checkpoint; raises KeyError, TypeError or ValueError if it is damaged."""
        variables = self._variables()
        values = [arrays[f"variable/{i}"] for i in range(len(variables))]
        best = [arrays[f"best/{i}"] for i in range(len(self._model.get_weights()))]
        plan = self._new_plan(0.0)
        plan.restore(state["plan"])
        partial = EpochTotals.load(state["partial"], len(self._mice))
        self._stopped, self._epochs = bool(state["stopped"]), list(state["epochs"])
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self._best, self._plan, self._partial = best, plan, partial
