"""The loop of a run: it begins or goes on, trains, scores and saves, epoch by epoch."""

import contextlib
import functools
import time
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from sensorium_tf.data import Batches, Mouse, Trials
from sensorium_tf.errors import TrainingStopped
from sensorium_tf.models import FiringRateModel
from sensorium_tf.runs import RunStore, save_model
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training.budget import Share
from sensorium_tf.training.callbacks import LOSS, SCORE, Callback, EpochReport, EpochView
from sensorium_tf.training.devices import chiefs_value, distributed_epoch
from sensorium_tf.training.interruption import StopRequest
from sensorium_tf.training.pacing import Pacing
from sensorium_tf.training.result import TrainingResult
from sensorium_tf.training.schedules import Schedule, make_schedule
from sensorium_tf.training.step import Steps
from sensorium_tf.training.totals import EpochTotals
from sensorium_tf.training.validation import Validation
from sensorium_tf.training.weights import TrainedWeights

# Batches inside one call of the compiled loop: few enough for a progress bar that moves.
_BATCHES_PER_CALL = 4


class Controller:
    """Owns the loop of a run; callbacks watch it.

    Args:
        model: Compiled, in the strategy's scope, with the weights to start from.
        settings: Of the run.
        mice: Those that the settings name.
        trials: Mouse to the trials to train on.
        store: The run's folder.
        strategy: Where to compute.
        writes: Whether this process is the one that writes.
        stop: Tells whether the process has been asked to end.
        share: The time that the run may take; None for as many epochs as the settings say.
    """

    def __init__(
        self,
        model: FiringRateModel,
        settings: TrainingSettings,
        *,
        mice: Sequence[Mouse],
        trials: Mapping[str, Trials],
        store: RunStore,
        strategy: tf.distribute.Strategy,
        writes: bool,
        stop: StopRequest,
        share: Share | None = None,
    ):
        self._model = model
        self._mice = {mouse.name: mouse for mouse in mice}
        self._store = store
        self._writes = writes
        self._stop = stop
        self._labels = tuple(model.penalties())
        self._epochs_of_settings = settings.epochs
        self._tier = settings.subset.chooser
        # What the loss that people read is a mean over, and how many of it a trial has.
        self._counted, self._n_counted = "trial", 1
        if settings.has_time:
            self._counted = "frame"
            self._n_counted = settings.movies.window - model.lost_frames
        self._new_schedule = functools.partial(
            make_schedule,
            settings.how.schedule,
            settings.schedule,
            learning_rate=settings.learning_rate,
            epochs=settings.epochs,
        )
        self._batches = Batches(
            trials, inputs=model.inputs, batch_size=settings.batch_size, seed=settings.seed
        )
        self._epoch_batches = functools.partial(distributed_epoch, self._batches, strategy)
        self._remedy = (
            "try a lower --learning_rate or --clip_norm in a new --workdir (the best weights until "
            f"then are in {store.model_file})"
        )
        self._score = Validation(
            model,
            self._mice,
            trained=trials,
            chosen_by={each.name: settings.subset.validation_trials_of(each) for each in mice},
            tier=self._tier,
            remedy=self._remedy,
        )
        self._take_steps = Steps(
            model,
            strategy,
            clip_norm=settings.clip_norm,
            ema_decay=settings.ema_decay or None,
        )
        self._weights = TrainedWeights(model, self._take_steps.averages)
        self._chiefs_value = chiefs_value(strategy)
        self._per_call = max(1, _BATCHES_PER_CALL // len(mice))
        self._pacing = Pacing(
            share,
            n_steps=self._batches.steps_per_epoch,
            fewest_steps=2 * self._per_call,
            agreed=self._chiefs_value,
        )
        self._checkpoints = store.checkpoints
        self._callbacks: tuple[Callback, ...] = ()
        self._schedule: Schedule
        self._epochs: list[dict[str, float]] = []
        self._stopped = False

    def run(self, callbacks: Sequence[Callback] = ()) -> TrainingResult:
        """Trains until the schedule or the number of epochs ends the run.

        Args:
            callbacks: What watches it.

        Raises:
            SensoriumError: If a loss, gradient or rate is not finite, or a file cannot be written.
            TrainingStopped: If the process was asked to end. The run is saved and can go on.
        """
        with contextlib.ExitStack() as closing:
            for callback in callbacks:
                closing.callback(callback.close)
            self._callbacks = tuple(callbacks)
            if not self._resume():
                self._begin()
            if self._pacing.limited and not self._stopped:
                self._measure()
            while len(self._epochs) < self._most_epochs and not self._stopped:
                self._train_epoch()
            self._weights.put(self._weights.best)
            for callback in self._callbacks:
                callback.on_end({SCORE: self._schedule.best_score})
        # The file may have been lost or replaced since the best epoch.
        self._save_model()
        return TrainingResult(
            model=self._model,
            model_file=self._store.model_file,
            epochs=self._epochs,
            best_score=self._schedule.best_score,
            tier=self._tier,
        )

    def _begin(self) -> None:
        """Scores the untrained weights, which are the first best."""
        with self._pacing.rest():
            scores = self._validate(epoch=0)
        self._schedule = self._new_schedule(first_score=scores[SCORE])
        self._partial = EpochTotals.new(len(self._mice), len(self._labels))
        self._weights.keep_as_best()
        self._save_model()
        self._report(0, scores)

    def _train_epoch(self) -> None:
        epoch, n_steps = len(self._epochs) + 1, self._batches.steps_per_epoch
        started, first_step = time.perf_counter(), self._partial.step
        for callback in self._callbacks:
            callback.on_epoch_begin(epoch, n_steps=n_steps)
        scalars = self._run_steps(epoch)
        seconds = time.perf_counter() - started
        with self._pacing.rest():
            self._finish_epoch(epoch, scalars, first_step, seconds)
        if not self._stopped:
            self._pacing.fit(self._schedule, done=epoch)

    def _finish_epoch(
        self, epoch: int, scalars: dict[str, float], first_step: int, seconds: float
    ) -> None:
        """Scores and saves an epoch, of which this process took some steps in some seconds."""
        with self._weights.averaged():
            scalars = scalars | self._validate(epoch)
            decision = self._schedule.update(scalars[SCORE])
            if decision.improved:
                self._weights.keep_as_best()
                self._save_model()
        if decision.restore_best:
            self._weights.return_to_best()
        # A schedule that follows from the time left knows by now which epoch is the last one.
        self._stopped = decision.stop or (self._pacing.limited and epoch >= self._most_epochs)
        self._epochs.append({"epoch": epoch, **scalars})
        n_images = self._batches.n_images(range(first_step, self._partial.step))
        watched = {LOSS: self._loss_per_neuron(), "images_per_second": n_images / seconds}
        self._partial = EpochTotals.new(len(self._mice), len(self._labels))
        # Before the checkpoint, from which the run goes on: twice is better than never.
        self._report(epoch, {**scalars, **watched})
        self._save()

    @property
    def _most_epochs(self) -> int:
        return self._pacing.most_epochs(self._schedule, self._epochs_of_settings)

    def _measure(self) -> None:
        """Takes a few steps, and them back, so that what compiling took is known and over."""
        n_steps = min(self._per_call, self._batches.steps_per_epoch)
        with self._weights.unchanged():
            # The first call has the loop compiled; the second one is measured.
            for watched in (contextlib.nullcontext(), self._pacing.steps(n_steps)):
                with watched:
                    self._take_steps(
                        iter(self._epoch_batches(1)),
                        learning_rates=[0.0] * n_steps,
                        n_trials=[self._batches.n_trials(step) for step in range(n_steps)],
                    )
        self._pacing.begin()
        done = len(self._epochs) + self._partial.step / self._batches.steps_per_epoch
        self._pacing.fit(self._schedule, done=done)

    def _report(self, epoch: int, scalars: Mapping[str, float]) -> None:
        """Tells what watches what an epoch came to."""
        best = self._schedule.best_score
        had_it = (each["epoch"] for each in self._epochs if each[SCORE] == best)
        report = EpochReport(
            epoch=epoch,
            most_epochs=self._most_epochs,
            tier=self._tier,
            scalars=scalars,
            best_score=best,
            best_epoch=next(had_it, 0),
            counted=self._counted,
        )
        for callback in self._callbacks:
            callback.on_epoch_end(report)

    def _run_steps(self, epoch: int) -> dict[str, float]:
        """Trains on the batches of an epoch; returns the learning rate, mean loss and its parts."""
        n_steps, partial = self._batches.steps_per_epoch, self._partial
        learning_rates = self._schedule.learning_rates(epoch, n_steps)
        iterator = iter(self._epoch_batches(epoch, partial.step))
        while partial.step < len(learning_rates):
            steps = range(partial.step, min(partial.step + self._per_call, len(learning_rates)))
            n_trials = [self._batches.n_trials(step) for step in steps]
            with self._pacing.steps(len(steps)), contextlib.ExitStack() as watched:
                for callback in self._callbacks:
                    watched.enter_context(callback.around_steps())
                totals = self._take_steps(
                    iterator,
                    learning_rates=learning_rates[steps.start : steps.stop],
                    n_trials=n_trials,
                    stop=self._stop.received,
                )
            if totals.bad is not None:
                raise totals.bad.error(epoch, steps.start, remedy=self._remedy)
            partial.add(n_trials, totals)
            if self._pacing.limited:
                self._pacing.fit(self._schedule, done=epoch - 1 + partial.step / n_steps)
                learning_rates = self._schedule.learning_rates(epoch, n_steps)
            loss = partial.losses(self._model.mice, self._labels)["loss/total"]
            for callback in self._callbacks:
                callback.on_steps(partial.step, loss)
            if totals.stopped:
                self._save()
                raise TrainingStopped(
                    f"asked to stop in epoch {epoch}, after step {partial.step} of {n_steps}: "
                    f"saved in {self._store.path}, the same command goes on"
                )
        last = {"learning_rate": learning_rates[partial.step - 1]}
        return last | partial.losses(self._model.mice, self._labels)

    def _loss_per_neuron(self) -> float:
        """Returns the loss of the epoch so far, as `LOSS` says."""
        return self._partial.loss_per_neuron(
            [self._batches.n_trials(step) for step in range(self._partial.step)],
            [self._model.loss[mouse].n_train_trials for mouse in self._mice],
            [self._model.readouts[mouse].n_neurons * self._n_counted for mouse in self._mice],
        )

    def _validate(self, epoch: int) -> dict[str, float]:
        """Returns the validation score of each mouse and over the neurons of all of them."""

        def watch(view: EpochView) -> None:
            for callback in self._callbacks:
                callback.on_validation(view)

        scores = self._score(epoch, watch=watch)
        return {**scores, SCORE: self._chiefs_value(scores[SCORE])}

    def _save_model(self) -> None:
        if self._writes:
            save_model(self._model, self._store.model_file)

    def _save(self) -> None:
        if not self._writes:
            return
        state = {
            "stopped": self._stopped,
            "most_epochs": self._most_epochs,
            "epochs": self._epochs,
            "partial": self._partial.state(),
            "schedule": self._schedule.state(),
        }
        n_steps = len(self._epochs) * self._batches.steps_per_epoch + self._partial.step
        self._checkpoints.save(n_steps, state, self._weights.arrays())
        for callback in self._callbacks:
            callback.on_save(self._epochs)

    def _resume(self) -> bool:
        """Goes back to the newest checkpoint that is intact; tells whether there is one."""
        if not self._checkpoints.resume(self._load):
            return False
        # The run may have been killed between two files.
        for callback in self._callbacks:
            callback.on_save(self._epochs)
        with self._weights.best_ones():
            self._save_model()
        return True

    def _load(self, state: dict, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes over a checkpoint; raises KeyError, TypeError or ValueError if it is damaged."""
        schedule = self._new_schedule(first_score=0.0)
        schedule.restore(state["schedule"])
        partial = EpochTotals.load(state["partial"], len(self._mice), len(self._labels))
        stopped, epochs = bool(state["stopped"]), list(state["epochs"])
        self._weights.load(arrays)
        self._stopped, self._epochs = stopped, epochs
        self._schedule, self._partial = schedule, partial
