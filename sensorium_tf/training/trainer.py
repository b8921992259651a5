"""The training run: prepared mice in, a workdir out."""

import dataclasses
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from sensorium_tf.data import Batches, Mouse, Trials, load_mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.locking import only_process
from sensorium_tf.metrics import single_trial_correlation
from sensorium_tf.models import FiringRateModel, PoissonLoss, baseline, copy_weights
from sensorium_tf.training.model_file import load_model
from sensorium_tf.training.prediction import Predictor
from sensorium_tf.training.schedule import Schedule
from sensorium_tf.training.settings import TrainingSettings
from sensorium_tf.training.tensorboard import ScalarLog
from sensorium_tf.training.workdir import Workdir

# Steps inside one call of the compiled loop: few enough for a progress bar that moves.
_STEPS_PER_CALL = 4
# What a run learns from, and what it chooses its weights by.
TRAINING_TIERS = ("train", "validation")
_SCORE = "validation/single_trial_correlation"


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What a finished run comes to.

    Attributes:
      model: with the best weights.
      model_file: where it is.
      epochs: the lines of `metrics.jsonl`.
      best_score: validation single-trial correlation of the best weights, mean over the neurons
        of all mice.
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
    verbose: bool = True,
) -> TrainingResult:
    """Trains a model, or goes on with a run that was stopped.

    Args:
      settings: what to train and how.
      workdir: folder of the run: `config.json`, `model.keras` (the best weights so far),
        `metrics.jsonl`, `tensorboard/` and `checkpoints/`.
      data_dir: where the prepared datasets are; TFDS's default if left out.
      verbose: whether to show a progress bar for each epoch.

    Returns:
      The model with the best weights, and how it came about.

    Raises:
      SensoriumError: if a mouse cannot be trained on, the workdir holds another run, or the loss
        becomes infinite. Nothing is written before settings and mice have been checked.
    """
    mice = [load_mouse(name, data_dir=data_dir) for name in settings.mice]
    for mouse in mice:
        mouse.check_track(settings.track)
        for tier in TRAINING_TIERS:
            mouse.check_tier(tier, responses=True)
    folder = Workdir(workdir)
    folder.check(settings, mice)
    run = _Run(settings, mice, folder, verbose=verbose)
    folder.claim(settings, mice)
    with only_process(folder.lock, "training"):
        return run.to_the_end()


def compiled_baseline(
    settings: TrainingSettings,
    coordinates: Mapping[str, np.ndarray],
    n_train_trials: Mapping[str, int],
) -> FiringRateModel:
    """Returns the untrained model of a run, with its losses and optimizer.

    Args:
      settings: of the run.
      coordinates: mouse to cell motor coordinates `(neurons, 3)`, micrometres.
      n_train_trials: mouse to the number of its training trials, which scales its loss.
    """
    model = baseline(
        settings.model,
        coordinates,
        track=settings.track,
        settings=settings.architecture,
        seed=settings.seed,
    )
    model.core.trainable = not settings.freeze_core
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate, epsilon=1e-8),
        loss={mouse: PoissonLoss(n_train_trials[mouse]) for mouse in coordinates},
        # XLA's depthwise convolution is many times slower on a CPU.
        jit_compile=False,
    )
    return model


class _Run:
    """A run in memory: what it reads, what it changes, and when it is saved."""

    def __init__(
        self,
        settings: TrainingSettings,
        mice: Sequence[Mouse],
        workdir: Workdir,
        *,
        verbose: bool,
    ):
        self._settings = settings
        self._workdir = workdir
        self._verbose = verbose
        # The model first: what does not fit is found before any trial is read.
        self._model = compiled_baseline(
            settings,
            {mouse.name: mouse.cell_motor_coordinates for mouse in mice},
            {mouse.name: mouse.tiers["train"] for mouse in mice},
        )
        if settings.init_from is not None and not workdir.has_checkpoint:
            self._start_from(settings.init_from)
        train_trials: dict[str, Trials] = {mouse.name: mouse.trials("train") for mouse in mice}
        self._validation = {mouse.name: mouse.trials("validation") for mouse in mice}
        self._batches = Batches(
            train_trials,
            track=settings.track,
            batch_size=settings.batch_size,
            seed=settings.seed,
        )
        # Adam makes its moments at the first step, but a checkpoint holds them from the start.
        self._model.optimizer.build(self._model.trainable_variables)
        self._predictors = {name: Predictor(self._model, name) for name in self._validation}
        self._compiled_steps = tf.function(self._steps, reduce_retracing=True)

    def to_the_end(self) -> TrainingResult:
        """Trains until the schedule or the number of epochs ends the run."""
        with ScalarLog(self._workdir.tensorboard) as log:
            if not self._resume():
                self._begin(log)
            while len(self._epochs) < self._settings.epochs and not self._stopped:
                self._train_epoch(log)
        self._restore(self._best)
        # The file may have been lost or replaced since the best epoch.
        self._workdir.save_model(self._model)
        return TrainingResult(
            model=self._model,
            model_file=self._workdir.model_file,
            epochs=self._epochs,
            best_score=self._schedule.best_score,
        )

    def _start_from(self, path: str) -> None:
        source = load_model(path)
        try:
            known = copy_weights(source, self._model)
        except SensoriumError as e:
            raise SensoriumError(f"{path}: {e}") from e
        if self._verbose:
            new = [mouse for mouse in self._model.mice if mouse not in known]
            print(
                f"from {path}: the core"
                + (f" and the readout of {', '.join(known)}" if known else "")
                + (f"; new readout for {', '.join(new)} (not among its neurons)" if new else "")
            )

    def _begin(self, log: ScalarLog) -> None:
        """Scores the untrained weights, which are the first best."""
        scores = self._validate()
        self._schedule = self._new_schedule(scores[_SCORE])
        self._epochs: list[dict[str, float]] = []
        self._stopped = False
        self._best = self._weights()
        self._workdir.save_model(self._model)
        log.write(0, scores)

    def _train_epoch(self, log: ScalarLog) -> None:
        epoch = len(self._epochs) + 1
        self._model.optimizer.learning_rate = self._schedule.learning_rate
        scalars = {"learning_rate": self._schedule.learning_rate}
        started = time.perf_counter()
        scalars |= self._run_steps(epoch)
        seconds = time.perf_counter() - started
        scalars |= self._validate()
        decision = self._schedule.update(scalars[_SCORE])
        if decision.improved:
            self._best = self._weights()
            self._workdir.save_model(self._model)
        elif decision.restore_best:
            self._restore(self._best)
        self._stopped = decision.stop
        self._epochs.append({"epoch": epoch, **scalars})
        self._save()
        log.write(epoch, {**scalars, "steps_per_second": self._batches.steps_per_epoch / seconds})

    def _run_steps(self, epoch: int) -> dict[str, float]:
        """Trains on every batch of an epoch; returns the mean loss and its parts."""
        model, n_steps = self._model, self._batches.steps_per_epoch
        model.reset_metrics()
        iterator = iter(self._batches.epoch(epoch))
        bar = self._progress_bar(epoch)
        sums = dict.fromkeys(model.penalties(), 0.0)
        n_trials = 0.0
        for start in range(0, n_steps, _STEPS_PER_CALL):
            step = min(start + _STEPS_PER_CALL, n_steps)
            try:
                seen, penalties = self._compiled_steps(iterator, tf.constant(step - start))
                n_trials += float(seen)
                sums = {name: total + float(penalties[name]) for name, total in sums.items()}
                loss = float(model.get_metrics_result()["loss"])
            except tf.errors.InvalidArgumentError:  # positions that are not finite
                loss = math.nan
            if not np.isfinite(loss):
                raise SensoriumError(
                    f"the loss became {loss} between steps {start + 1} and {step} of epoch "
                    f"{epoch}: try a lower --learning_rate in a new --workdir (the best weights "
                    f"until then are in {self._workdir.model_file})"
                )
            if bar is not None:
                bar.update(step, [("loss", loss)])
        parts = {f"loss/{name}": total / n_trials for name, total in sums.items()}
        return {"loss/total": loss, "loss/poisson": loss - sum(parts.values()), **parts}

    def _steps(self, iterator, n_steps: tf.Tensor):
        """Takes steps; returns the trials seen and the penalties, summed over the trials."""
        seen = tf.constant(0.0)
        sums = {name: tf.constant(0.0) for name in self._model.penalties()}
        for _ in tf.range(n_steps):
            inputs, responses = next(iterator)
            # Keras weighs a step's loss by the length of its first input.
            n_trials = tf.cast(tf.shape(tf.nest.flatten(inputs)[0])[0], tf.float32)
            penalties = self._model.penalties()
            sums = {name: total + n_trials * penalties[name] for name, total in sums.items()}
            seen += n_trials
            self._model.train_step((inputs, responses))
        return seen, sums

    def _validate(self) -> dict[str, float]:
        """Returns the validation score of each mouse and over the neurons of all of them."""
        correlations = {}
        for mouse, trials in self._validation.items():
            rates = self._predictors[mouse](trials, track=self._settings.track)
            correlations[mouse] = single_trial_correlation(trials.responses, rates)
        scores = {f"validation/{mouse}": float(c.mean()) for mouse, c in correlations.items()}
        pooled = np.concatenate(list(correlations.values()))
        return {_SCORE: float(pooled.mean()), **scores}

    def _progress_bar(self, epoch: int) -> keras.utils.Progbar | None:
        if not self._verbose:
            return None
        best = self._schedule.best_score
        print(
            f"epoch {epoch} of at most {self._settings.epochs}, best validation correlation "
            f"so far {best:.4f}"
        )
        return keras.utils.Progbar(
            self._batches.steps_per_epoch, stateful_metrics=["loss"], unit_name="step"
        )

    def _new_schedule(self, first_score: float) -> Schedule:
        return Schedule(
            self._settings.schedule,
            learning_rate=self._settings.learning_rate,
            first_score=first_score,
        )

    def _weights(self) -> list[np.ndarray]:
        return [np.array(weight) for weight in self._model.get_weights()]

    def _restore(self, weights: list[np.ndarray]) -> None:
        self._model.set_weights(weights)

    def _variables(self) -> list[keras.Variable]:
        """Returns all that training changes, the state of the random numbers included."""
        return [*self._model.variables, *self._model.optimizer.variables]

    def _save(self) -> None:
        state = {"stopped": self._stopped, "epochs": self._epochs, **self._schedule.state()}
        arrays = {f"variable/{i}": np.asarray(v) for i, v in enumerate(self._variables())}
        arrays |= {f"best/{i}": weight for i, weight in enumerate(self._best)}
        self._workdir.save_checkpoint(state, arrays)
        self._workdir.write_metrics(self._epochs)

    def _resume(self) -> bool:
        """Goes back to the last checkpoint; tells whether there is one."""
        checkpoint = self._workdir.load_checkpoint()
        if checkpoint is None:
            return False
        try:
            state, arrays = checkpoint
            for i, variable in enumerate(self._variables()):
                variable.assign(arrays[f"variable/{i}"])
            self._best = [arrays[f"best/{i}"] for i in range(len(self._model.get_weights()))]
            self._stopped, self._epochs = bool(state["stopped"]), list(state["epochs"])
            self._schedule = self._new_schedule(0.0)
            self._schedule.restore(state)
        except (KeyError, TypeError, ValueError) as e:
            raise self._workdir.damaged_checkpoint(e) from e
        # The run may have been killed between the two files.
        self._workdir.write_metrics(self._epochs)
        return True
