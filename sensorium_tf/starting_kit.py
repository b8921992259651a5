"""The whole way in a few calls: load, build, train, evaluate, submit.

Each is a thin layer over the rooms of the package, and the launchers are shells over these calls.
"""

import dataclasses
import functools
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sensorium_tf.data import Mouse, Subset, load_mouse, mouse_names
from sensorium_tf.errors import SensoriumError
from sensorium_tf.evaluation import (
    Comparison,
    Evaluation,
    as_table,
    compare_runs,
    evaluate,
    submit,
    training_pictures,
)
from sensorium_tf.files import expand
from sensorium_tf.models import BaselineSettings, EnsembleModel, FiringRateModel
from sensorium_tf.models import baseline as build_baseline
from sensorium_tf.training import (
    TrainedModel,
    TrainingSettings,
    Uses,
    open_trained,
    predict,
    train_ensemble,
)
from sensorium_tf.training import train as train_run

# Of `Subset`, what chooses neurons; the rest is about training.
_OF_NEURONS = ("neurons", "unit_ids", "areas", "layers", "min_reliability", "subset_seed")


def load(name: str, *, data_dir: str | os.PathLike | None = None, **neurons: Any) -> Mouse:
    """Opens a prepared mouse, with all of its neurons or some.

    Example:
      >>> mouse = sensorium_tf.load("simulated")
      >>> trials = mouse.trials("train")

    Args:
      name: `mouse1` to `mouse7`, `simulated` (prepared on the spot), or one's own.
      data_dir: where the prepared datasets are; TFDS's default if left out.
      **neurons: which: `neurons=500`, `unit_ids`, `areas`, `layers`, `min_reliability` and
        `subset_seed`, as of `data.Subset`.

    Raises:
      SensoriumError: if it has not been prepared, or has no such neurons.
    """
    _check_known("neurons are chosen by", neurons, _OF_NEURONS)
    (name, *others) = mouse_names(name)
    if others:
        raise SensoriumError(f"load: opens one mouse, not {name},{','.join(others)}")
    return Subset(**neurons).neurons_of(load_mouse(name, data_dir=data_dir))


def baseline(
    name: str,
    mice: Mouse | Sequence[Mouse],
    *,
    track: str = "sensorium",
    seed: int | None = None,
    **hyperparameters: Any,
) -> FiringRateModel:
    """Makes a baseline for some mice, untrained.

    Example:
      >>> model = sensorium_tf.baseline("cnn", sensorium_tf.load("simulated"))

    Args:
      name: `cnn` or `ln`.
      mice: from `load`.
      track: `sensorium` or `sensorium_plus`.
      seed: of the weights; None draws them anew each time.
      **hyperparameters: the attributes of `models.BaselineSettings`, such as `hidden_channels=32`.

    Raises:
      SensoriumError: if there is no such baseline, or a value is not possible.
    """
    mice = [mice] if isinstance(mice, Mouse) else mice
    opened = isinstance(mice, Sequence) and all(isinstance(mouse, Mouse) for mouse in mice)
    if not opened or len({mouse.name for mouse in mice}) < len(mice):
        raise SensoriumError("mice: expected one or several different ones, as load returns them")
    known = [field.name for field in dataclasses.fields(BaselineSettings)]
    _check_known("a baseline is made of", hyperparameters, known)
    return build_baseline(
        name,
        {mouse.name: mouse.cell_motor_coordinates for mouse in mice},
        track=track,
        settings=BaselineSettings(**hyperparameters),
        seed=seed,
    )


def train(
    model: str = "cnn",
    mice: str | Iterable[str] = "simulated",
    *,
    workdir: str | os.PathLike,
    seeds: Sequence[int] | None = None,
    data_dir: str | os.PathLike | None = None,
    strategy: str = "auto",
    profile: bool = False,
    verbose: bool = True,
    **settings: Any,
) -> "Run":
    """Trains a model, or goes on with a run that was stopped.

    Example:
      >>> run = sensorium_tf.train("cnn", "simulated", workdir="runs/cnn", recipe="fast")
      >>> run.evaluate().table()

    Args:
      model: `cnn`, `ln`, or `package.module:function` that builds one's own.
      mice: names of prepared mice, or one string that joins them by commas.
      workdir: folder of the run.
      seeds: of an ensemble, which is trained instead of a single run; not with `seed`.
      data_dir: where the prepared datasets are; TFDS's default if left out.
      strategy: where to compute, see `training.make_strategy`.
      profile: whether to record some steps for TensorBoard's profiler.
      verbose: whether to say what is trained on what, and to show progress.
      **settings: all else that decides a run: the attributes of `training.TrainingSettings`,
        `models.BaselineSettings`, `training.ScheduleSettings` and `data.Subset`, side by side.

    Returns:
      The run, with its best weights.

    Raises:
      SensoriumError: if a setting or mouse is not possible, or the workdir holds another run.
      TrainingStopped: if the process got SIGTERM; the run is saved and can go on.
    """
    if seeds is not None and "seed" in settings:
        raise SensoriumError("seed and seeds do not go together: choose one")
    chosen = TrainingSettings.flat(model=model, mice=mice, **settings)
    if verbose:
        print(chosen.describe())
    where = {
        "data_dir": data_dir,
        "strategy": strategy,
        "watch": [training_pictures],
        "profile": profile,
        "verbose": verbose,
    }
    if seeds is None:
        results = [train_run(chosen, workdir, **where)]
    else:
        results = train_ensemble(chosen, seeds, workdir, **where)
    for result in results if verbose else ():
        print(
            f"{result.model_file}: {len(result.epochs)} epochs; best "
            f"{chosen.subset.validation_tier} correlation {result.best_score:.4f}"
        )
    if verbose and seeds is not None:
        print(f"their mean is in {expand(workdir) / 'model.keras'}")
    return Run(workdir, data_dir=data_dir)


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained model, and what one does with it: `Run("runs/cnn").evaluate()`.

    Attributes:
      path: workdir of a run, or a `.keras` file, trained or imported. It is opened when it is
        first needed, and what is wrong with it is a `SensoriumError` then.
      data_dir: where the prepared datasets are; TFDS's default if None.
    """

    path: str | os.PathLike
    data_dir: str | os.PathLike | None = None

    def __post_init__(self):
        if not isinstance(self.path, str | os.PathLike):
            raise SensoriumError(f"run {self.path!r}: expected a workdir or a model file")

    @functools.cached_property
    def trained(self) -> TrainedModel:
        """The model with what is known of it."""
        return open_trained(self.path)

    @property
    def model(self) -> FiringRateModel | EnsembleModel:
        """The Keras model with the best weights."""
        return self.trained.model

    @property
    def mice(self) -> tuple[str, ...]:
        """Names of the model's mice."""
        return self.model.mice

    @property
    def folder(self) -> Path:
        """Where its files are and go."""
        return self.trained.folder

    @property
    def uses(self) -> Uses:
        """The signals and trials that the model uses."""
        return self.trained.uses

    def mouse(self, name: str | None = None) -> Mouse:
        """Opens one of the model's mice, with the neurons that the model knows.

        Args:
          name: which; may be left out if there is one alone.

        Raises:
          SensoriumError: if it is not one of the model's, or the recording is another one.
        """
        (mouse,) = self.trained.load_mice([self._one(name)], data_dir=self.data_dir)
        return mouse

    def predict(self, tier: str = "test", *, mouse: str | None = None) -> np.ndarray:
        """Returns the rates `(trials, neurons)` of a tier, in units of the responses' std.

        Args:
          tier: which trials.
          mouse: of the model's; may be left out if there is one alone.

        Raises:
          SensoriumError: if there is no such tier or mouse.
        """
        trials = self.mouse(mouse).trials(tier)
        return predict(self.model, trials, track=self.trained.track)

    def evaluate(
        self,
        tier: str | None = None,
        *,
        mice: str | Iterable[str] | None = None,
        truth: str | os.PathLike | None = None,
        output: str | os.PathLike | None = None,
    ) -> Evaluation:
        """Scores the model; `.table()` of the result is what to look at.

        Args:
          tier: which trials; if left out `test` where its responses are known, else `validation`.
          mice: some of the model's; all if left out.
          truth: `<stem>_truth.npz` of a simulated recording, or the recording that it lies beside:
            its true rates are scored too. That of the mouse `simulated` is its `truth_file`.
          output: folder for the files, if another one than the run's.

        Raises:
          SensoriumError: as `evaluation.evaluate`.
        """
        return evaluate(
            self.trained,
            mice=None if mice is None else mouse_names(mice),
            tier=tier,
            truth=truth,
            output=output,
            data_dir=self.data_dir,
        )

    def write_submission(
        self, mouse: str | None = None, *, output: str | os.PathLike | None = None
    ) -> list[Path]:
        """Predicts the competition's tiers and writes the submission files.

        Args:
          mouse: of the model's; may be left out if there is one alone.
          output: folder for the files; if left out `submission` in the run's.

        Returns:
          The files.

        Raises:
          SensoriumError: as `evaluation.submit`.
        """
        return submit(self.trained, self._one(mouse), output=output, data_dir=self.data_dir)

    def history(self):
        """Returns the lines of `metrics.jsonl`, one an epoch, as `table` does.

        Raises:
          SensoriumError: if it is a lone model file or an ensemble, which have none.
        """
        path = self.folder / "metrics.jsonl"
        if self.trained.workdir is None or self.trained.members or not path.is_file():
            raise SensoriumError(f"{self.folder}: only a single run has a history")
        return as_table([json.loads(line) for line in path.read_text("utf-8").splitlines()])

    def _one(self, name: str | None) -> str:
        if name is not None and name not in self.mice:
            raise SensoriumError(
                f"mouse {name!r} is not one that the model was trained on: {', '.join(self.mice)}"
            )
        if name is None and len(self.mice) > 1:
            raise SensoriumError(f"name one of the model's mice: {', '.join(self.mice)}")
        return self.mice[0] if name is None else name


def compare(
    *runs: Run | str | os.PathLike,
    tier: str | None = None,
    mice: str | Iterable[str] | None = None,
    truth: str | os.PathLike | None = None,
    output: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
) -> Comparison:
    """Compares trained runs with the first of them, neuron by neuron.

    Args:
      *runs: two or more.
      tier: as of `Run.evaluate`, like the next three.
      mice: mice that all runs know.
      truth: of a simulated recording.
      output: folder for the files; if left out `comparison` in the first run's.
      data_dir: where the prepared datasets are; if left out where the first run's are.

    Raises:
      SensoriumError: as `evaluation.compare_runs`.
    """
    if not all(isinstance(run, Run | str | os.PathLike) for run in runs):
        raise SensoriumError("compare: expected runs or their workdirs, one after another")
    if data_dir is None and runs and isinstance(runs[0], Run):
        data_dir = runs[0].data_dir
    return compare_runs(
        [run.path if isinstance(run, Run) else run for run in runs],
        mice=None if mice is None else mouse_names(mice),
        tier=tier,
        truth=truth,
        output=output,
        data_dir=data_dir,
    )


def _check_known(what: str, given: Iterable[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise SensoriumError(f"{name}: unknown, {what} {', '.join(known)}")
