"""The loop of a run: it begins or goes on, trains, scores and saves, epoch by epoch."""

import contextlib
import copy
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sensorium_tf.errors import TrainingStopped
from sensorium_tf.runs import RunStore, save_model
from sensorium_tf.training.building import Plan
from sensorium_tf.training.callbacks import LOSS, SCORE, Callback, EpochReport, EpochView
from sensorium_tf.training.devices import distributed_epoch
from sensorium_tf.training.interruption import StopRequest
from sensorium_tf.training.result import TrainingResult
from sensorium_tf.training.totals import EpochTotals


class Controller:
    """Owns the loop of a run, and all that changes in it; callbacks watch it.

    Args:
        plan: The run's parts.
        store: Its folder.
        writes: Whether this process is the one that writes.
        stop: Tells whether the process has been asked to end.
    """

    def __init__(self, plan: Plan, store: RunStore, *, writes: bool, stop: StopRequest):
        self._plan, self._store, self._writes, self._stop = plan, store, writes, stop
        self._model, self._batches, self._schedule = plan.model, plan.batches, plan.schedule
        self._labels = tuple(plan.model.penalties())
        self._callbacks: tuple[Callback, ...] = ()
        self._best: list[np.ndarray] = []
        self._epochs: list[dict[str, float]] = []
        self._partial = self._no_steps()
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
                with self._schedule.around_rest(0):
                    self._report(0, self._judge(0))
            if self._schedule.timed and not self._finished:
                self._measure()
            while not self._finished:
                self._train_epoch()
            self._model.set_weights(self._best)
            for callback in self._callbacks:
                callback.on_end({SCORE: self._schedule.best_score})
        # The file may have been lost or replaced since the best epoch.
        self._save_model()
        return TrainingResult(
            model=self._model,
            model_file=self._store.model_file,
            epochs=self._epochs,
            best_score=self._schedule.best_score,
            tier=self._plan.validation.tier,
        )

    @property
    def _finished(self) -> bool:
        return self._stopped or len(self._epochs) >= self._schedule.most_epochs

    def _no_steps(self) -> EpochTotals:
        return EpochTotals.new(len(self._model.mice), len(self._labels))

    def _train_epoch(self) -> None:
        epoch, first_step = len(self._epochs) + 1, self._partial.step
        started = time.perf_counter()
        for callback in self._callbacks:
            callback.on_epoch_begin(epoch, n_steps=self._batches.steps_per_epoch)
        scalars = self._run_steps(epoch)
        seconds = time.perf_counter() - started
        with self._schedule.around_rest(epoch):
            scalars |= self._judge(epoch)
            self._epochs.append({"epoch": epoch, **scalars})
            n_images = self._batches.n_images(range(first_step, self._partial.step))
            watched = {LOSS: self._loss_per_neuron(), "images_per_second": n_images / seconds}
            self._partial = self._no_steps()
            # Before the checkpoint, from which the run goes on: twice is better than never.
            self._report(epoch, {**scalars, **watched})
            self._save()

    def _run_steps(self, epoch: int) -> dict[str, float]:
        """Trains on the batches of an epoch; returns the learning rate, mean loss and its parts."""
        n_steps, partial, schedule = self._batches.steps_per_epoch, self._partial, self._schedule
        iterator = iter(distributed_epoch(self._batches, self._plan.strategy, epoch, partial.step))

        def learning_rates() -> list[float]:
            steps = range(partial.step, min(partial.step + self._plan.per_call, n_steps))
            return schedule.learning_rates(epoch, n_steps, steps=steps)

        while rates := learning_rates():
            steps = range(partial.step, partial.step + len(rates))
            n_trials = [self._batches.n_trials(step) for step in steps]
            with schedule.around_steps(epoch, steps), contextlib.ExitStack() as watched:
                for callback in self._callbacks:
                    watched.enter_context(callback.around_steps())
                totals = self._plan.steps(
                    iterator,
                    learning_rates=rates,
                    n_trials=n_trials,
                    stop=self._stop.received,
                )
            if totals.bad is not None:
                raise totals.bad.error(epoch, steps.start, remedy=self._plan.remedy)
            partial.add(n_trials, totals)
            loss = partial.losses(self._model.mice, self._labels)["loss/total"]
            for callback in self._callbacks:
                callback.on_steps(partial.step, loss)
            if totals.stopped:
                self._save()
                raise TrainingStopped(
                    f"asked to stop in epoch {epoch}, after step {partial.step} of {n_steps}: "
                    f"saved in {self._store.path}, the same command goes on"
                )
        last = range(partial.step - 1, partial.step)
        [learning_rate] = schedule.learning_rates(epoch, n_steps, steps=last)
        losses = partial.losses(self._model.mice, self._labels)
        return {"learning_rate": learning_rate, **losses}

    def _measure(self) -> None:
        """Takes a few steps, and them back, so that the schedule knows how long they take."""
        before = [np.array(variable) for variable in self._variables()]

        def take_steps(number: int) -> None:
            self._plan.steps(
                iter(distributed_epoch(self._batches, self._plan.strategy, 1)),
                learning_rates=[0.0] * number,
                n_trials=[self._batches.n_trials(step) for step in range(number)],
            )

        done = len(self._epochs) + self._partial.step / self._batches.steps_per_epoch
        self._schedule.measure(take_steps, done=done)
        for variable, value in zip(self._variables(), before, strict=True):
            variable.assign(value)

    def _judge(self, epoch: int) -> dict[str, float]:
        """Scores the weights, and keeps them if they are the best so far; returns the scores."""
        averages = self._plan.steps.averages
        averaged = self._with_weights([np.array(each) for each in averages])
        with averaged if averages else contextlib.nullcontext():
            scores = self._validate(epoch)
            decision = self._schedule.update(scores[SCORE])
            if decision.improved:
                self._best = self._weights()
                self._save_model()
        if decision.restore_best:
            self._model.set_weights(self._best)
            for average, weight in zip(averages, self._best, strict=False):
                average.assign(weight)
        self._stopped = decision.stop
        return scores

    def _validate(self, epoch: int) -> dict[str, float]:
        """Returns the score over the neurons of all mice, and of each mouse."""

        def watch(view: EpochView) -> None:
            for callback in self._callbacks:
                callback.on_validation(view)

        return self._plan.validation(epoch, watch=watch)

    def _loss_per_neuron(self) -> float:
        """Returns the loss of the epoch so far, as `LOSS` says."""
        return self._partial.loss_per_neuron(
            [self._batches.n_trials(step) for step in range(self._partial.step)],
            [self._model.loss[mouse].n_train_trials for mouse in self._model.mice],
            self._plan.n_rates,
        )

    def _report(self, epoch: int, scalars: Mapping[str, float]) -> None:
        """Tells what watches what an epoch came to."""
        best = self._schedule.best_score
        had_it = (each["epoch"] for each in self._epochs if each[SCORE] == best)
        report = EpochReport(
            epoch=epoch,
            most_epochs=self._schedule.most_epochs,
            tier=self._plan.validation.tier,
            scalars=scalars,
            best_score=best,
            best_epoch=next(had_it, 0),
            counted=self._plan.counted,
        )
        for callback in self._callbacks:
            callback.on_epoch_end(report)

    def _weights(self) -> list[np.ndarray]:
        return [np.array(weight) for weight in self._model.get_weights()]

    @contextlib.contextmanager
    def _with_weights(self, weights: list[np.ndarray]) -> Iterator[None]:
        """Puts some weights in the place of the trained ones while the block runs."""
        trained = self._weights()
        self._model.set_weights(weights)
        try:
            yield
        finally:
            self._model.set_weights(trained)

    def _variables(self) -> list:
        """Returns all that training changes, the state of the random numbers included."""
        model = self._model
        return [*model.variables, *model.optimizer.variables, *self._plan.steps.averages]

    def _save_model(self) -> None:
        if self._writes:
            save_model(self._model, self._store.model_file)

    def _save(self) -> None:
        if not self._writes:
            return
        state = {
            "stopped": self._stopped,
            "most_epochs": self._schedule.most_epochs,
            "epochs": self._epochs,
            "partial": self._partial.state(),
            "schedule": self._schedule.state(),
        }
        arrays = {f"variable/{i}": np.asarray(v) for i, v in enumerate(self._variables())}
        arrays |= {f"best/{i}": weight for i, weight in enumerate(self._best)}
        n_steps = len(self._epochs) * self._batches.steps_per_epoch + self._partial.step
        self._store.checkpoints.save(n_steps, state, arrays)
        for callback in self._callbacks:
            callback.on_save(self._epochs)

    def _resume(self) -> bool:
        """Goes back to the newest checkpoint that is intact; tells whether there is one."""
        if not self._store.checkpoints.resume(self._load):
            return False
        # The run may have been killed between two files.
        for callback in self._callbacks:
            callback.on_save(self._epochs)
        with self._with_weights(self._best):
            self._save_model()
        return True

    def _load(self, state: dict, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes over a checkpoint; raises KeyError, TypeError or ValueError if it is damaged."""
        schedule, variables = copy.copy(self._schedule), self._variables()
        schedule.restore(state["schedule"])
        partial = EpochTotals.load(state["partial"], len(self._model.mice), len(self._labels))
        stopped, epochs = bool(state["stopped"]), list(state["epochs"])
        values = [arrays[f"variable/{i}"] for i in range(len(variables))]
        best = [arrays[f"best/{i}"] for i in range(len(self._model.get_weights()))]
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self._best, self._stopped, self._epochs = best, stopped, epochs
        self._schedule, self._partial = schedule, partial
