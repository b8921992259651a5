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

from sensorium_tf.data import Batches, Mouse, Trials, load_mouse
from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.locking import only_process
from sensorium_tf.metrics import single_trial_correlation
from sensorium_tf.models import FiringRateModel, PoissonLoss, model_builder
from sensorium_tf.training.interruption import StopRequest, TrainingStopped, stop_on_sigterm
from sensorium_tf.training.prediction import Predictor
from sensorium_tf.training.schedule import LearningPlan, Schedule, Trapezoid
from sensorium_tf.training.settings import RECIPES, TrainingSettings
from sensorium_tf.training.start import Start, open_start
from sensorium_tf.training.steps import PENALTIES, BadStep, Steps
from sensorium_tf.training.strategies import (
    check_agreement,
    describe,
    is_chief,
    make_strategy,
)
from sensorium_tf.training.tensorboard import RunLog, Watch
from sensorium_tf.training.uses import Uses
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
    # Not before: a strategy of several workers takes the signal for itself when it is made.
    with stop_on_sigterm() as stop:
        mice = check_mice(settings, strategy, data_dir=data_dir)
        folder, writes = Workdir(workdir), is_chief(strategy)
        if writes:
            folder.check(settings, mice)
        with _other_workers():
            check_agreement(strategy, repr(settings.to_json()))
            run = _Run(settings, mice, folder, strategy, verbose=verbose and writes, writes=writes)
            if not writes:
                return run.to_the_end(stop, (), profile=False)
            with only_process(folder.lock, "training"):
                folder.claim(settings, mice, run.uses)
                folder.sweep()
                return run.to_the_end(stop, watch, profile=profile)


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
    model_builder(settings.model)
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
) -> FiringRateModel:
    """Returns the untrained model of a run, with its losses and optimizer.

    Args:
      settings: of the run.
      coordinates: mouse to cell motor coordinates `(neurons, 3)`, micrometres.
      n_train_trials: mouse to the number of its training trials, which scales its loss.
    """
    with _precision("mixed_bfloat16" if settings.mixed_precision else "float32"):
        model = model_builder(settings.model)(
            coordinates,
            track=settings.track,
            settings=settings.architecture,
            seed=settings.seed,
        )
    model.joint_core = settings.joint_core
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
    model = _model_for(settings, mice)
    start = None if settings.init_from is None else open_start(settings.init_from)
    if start is not None:
        start.copy_to(model, mice)
    return _uses(settings, model, start)


def _uses(settings: TrainingSettings, model: FiringRateModel, start: Start | None) -> Uses:
    """Returns what a run uses: with the pupil center if it has shifters, and with its start."""
    uses = dataclasses.replace(settings.uses, pupil_center=bool(model.shifters))
    return uses if start is None else uses.after(start.uses)


def _model_for(settings: TrainingSettings, mice: Sequence[Mouse]) -> FiringRateModel:
    return compiled_model(
        settings,
        {mouse.name: mouse.cell_motor_coordinates for mouse in mice},
        {mouse.name: settings.subset.n_train_trials_of(mouse) for mouse in mice},
    )


def _start_at_means(model: FiringRateModel, trials: Mapping[str, Trials]) -> None:
    """Makes each neuron's rate start at its mean response over the trials."""
    for mouse, each in trials.items():
        # A readout of one's own may have no such thing.
        readout = model.readouts[mouse]
        if hasattr(readout, "set_mean_rates"):
            readout.set_mean_rates(each.responses.mean(axis=0, dtype=np.float64))


@contextlib.contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Makes layers that compute in another precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


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
            self._model = _model_for(settings, mice)
            # Adam makes its moments at the first step, but a checkpoint holds them from the start.
            self._model.optimizer.build(self._model.trainable_variables)
        start, known = None, ()
        # A run that goes on needs the file no more.
        if settings.init_from is not None and not workdir.has_checkpoint:
            start = open_start(settings.init_from)
            known = start.copy_to(self._model, mice)
            self._say_start(known)
        self.uses = _uses(settings, self._model, start)
        trials = {mouse.name: settings.subset.train_trials_of(mouse) for mouse in mice}
        if settings.mean_bias:
            _start_at_means(self._model, {n: t for n, t in trials.items() if n not in known})
        self._batches = Batches(
            trials,
            track=settings.track,
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

    def _say_start(self, known: Sequence[str]) -> None:
        if self._verbose:
            new = [mouse for mouse in self._model.mice if mouse not in known]
            copied = f" and the readout of {', '.join(known)}" if known else ""
            fresh = f"; new readout for {', '.join(new)} (not known to be its neurons)"
            print(f"from {self._settings.init_from}: the core{copied}{fresh if new else ''}")

    def _begin(self, log: RunLog) -> None:
        """Scores the untrained weights, which are the first best."""
        scores = self._validate(log, epoch=0)
        self._plan = self._new_plan(scores[SCORE])
        self._epochs: list[dict[str, float]] = []
        self._stopped = False
        self._partial = _PartialEpoch.new(len(self._mice))
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
        self._partial = _PartialEpoch.new(len(self._mice))
        self._save()
        n_images = len(self._mice) * sum(
            self._batches.n_trials(step)
            for step in range(first_step, self._batches.steps_per_epoch)
        )
        log.write(epoch, {**scalars, "images_per_second": n_images / seconds})

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
            partial.add(len(steps), n_trials, totals.poisson, totals.penalties)
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
        paths = [variable.path for variable in self._model.trainable_variables]
        mice = [
            mouse
            for mouse, loss in zip(self._model.mice, bad.losses, strict=True)
            if not np.isfinite(loss)
        ]
        # Of several infinite ones the core's come from a readout's: name that.
        of_mouse = [f"readout_{mouse}" in path for path in paths for mouse in mice[:1]]
        of_mouse = np.array(of_mouse or np.zeros(len(paths)), bool)
        order = np.nan_to_num(bad.gradients, nan=np.inf, posinf=np.inf)
        largest = int(np.lexsort((of_mouse, order))[-1])
        weight = paths[largest]
        losses = ", ".join(
            f"{mouse} {loss:.6g}" for mouse, loss in zip(self._model.mice, bad.losses, strict=True)
        )
        what = "gradient" if np.isfinite(bad.losses).all() else "loss"
        return SensoriumError(
            f"the {what} became infinite or NaN in step {first_step + bad.index + 1} of epoch "
            f"{epoch} (loss of {losses}; largest gradient {bad.gradients[largest]:.3g}, of "
            f"{weight}): try a lower --learning_rate or --gradient_clip in a new --workdir (the "
            f"best weights until then are in {self._workdir.model_file})"
        )

    def _validate(self, log: RunLog, epoch: int) -> dict[str, float]:
        """Returns the validation score of each mouse and over the neurons of all of them."""
        correlations, rates = {}, {}
        for mouse, trials in self._validation.items():
            rates[mouse] = self._predictors[mouse](trials, track=self._settings.track)
            if not np.isfinite(rates[mouse]).all():
                raise SensoriumError(
                    f"the rates of {mouse} became infinite or NaN in epoch {epoch}: try a lower "
                    "--learning_rate or --gradient_clip in a new --workdir (the best weights until "
                    f"then are in {self._workdir.model_file})"
                )
            correlations[mouse] = single_trial_correlation(trials.responses, rates[mouse])
        log.show(epoch, self._model, self._mice, self._validation, rates, correlations)
        scores = {f"validation/{mouse}": float(c.mean()) for mouse, c in correlations.items()}
        pooled = np.concatenate(list(correlations.values()))
        return {SCORE: float(pooled.mean()), **scores}

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
            # The run may have been killed between the two files.
            self._workdir.write_metrics(self._epochs)
        return True

    def _load(self, state: dict, arrays: Mapping[str, np.ndarray]) -> None:
        """Takes over a checkpoint; raises KeyError, TypeError or ValueError if it is damaged."""
        variables = self._variables()
        values = [arrays[f"variable/{i}"] for i in range(len(variables))]
        best = [arrays[f"best/{i}"] for i in range(len(self._model.get_weights()))]
        plan = self._new_plan(0.0)
        plan.restore(state["plan"])
        partial = _PartialEpoch.load(state["partial"], len(self._mice))
        self._stopped, self._epochs = bool(state["stopped"]), list(state["epochs"])
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self._best, self._plan, self._partial = best, plan, partial


@dataclasses.dataclass
class _PartialEpoch:
    """The steps of an epoch so far, summed up.

    Attributes:
      step: how many.
      n_trials: of the first mouse.
      poisson: Poisson loss of each mouse, each step's times its trials.
      penalties: likewise.
    """

    step: int
    n_trials: float
    poisson: np.ndarray
    penalties: np.ndarray

    @classmethod
    def new(cls, n_mice: int) -> "_PartialEpoch":
        return cls(0, 0.0, np.zeros(n_mice), np.zeros(len(PENALTIES)))

    @classmethod
    def load(cls, state: Mapping, n_mice: int) -> "_PartialEpoch":
        made = cls(
            int(state["step"]),
            float(state["n_trials"]),
            np.array(state["poisson"], np.float64),
            np.array(state["penalties"], np.float64),
        )
        if made.poisson.shape != (n_mice,) or made.penalties.shape != (len(PENALTIES),):
            raise ValueError("sums of another run")
        return made

    def add(
        self, n_steps: int, n_trials: Sequence[int], poisson: np.ndarray, penalties: np.ndarray
    ) -> None:
        self.step += n_steps
        self.n_trials += sum(n_trials)
        self.poisson = self.poisson + poisson
        self.penalties = self.penalties + penalties

    def losses(self, mice: Sequence[str]) -> dict[str, float]:
        """Returns the mean loss of the steps and its parts."""
        poisson, penalties = self.poisson / self.n_trials, self.penalties / self.n_trials
        each = {f"loss/{m}": float(p) for m, p in zip(mice, poisson, strict=True)}
        return {
            "loss/total": float(poisson.sum() + penalties.sum()),
            "loss/poisson": float(poisson.sum()),
            **{f"loss/{n}": float(v) for n, v in zip(PENALTIES, penalties, strict=True)},
            **(each if len(mice) > 1 else {}),
        }

    def state(self) -> dict:
        """Returns it as JSON values."""
        return {
            "step": self.step,
            "n_trials": self.n_trials,
            "poisson": self.poisson.tolist(),
            "penalties": self.penalties.tolist(),
        }
