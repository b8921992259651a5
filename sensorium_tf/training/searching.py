"""A search for settings with Optuna: trials that are runs, on one study in a file."""

import contextlib
import dataclasses
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.io import atomic_write, expand, file_lock
from sensorium_tf.metrics import single_trial_correlation
from sensorium_tf.runs import Run
from sensorium_tf.training.callbacks import SCORE, Callback, EpochReport
from sensorium_tf.training.search_space import SearchSpace
from sensorium_tf.training.stages import train_stages

_STUDY, _SPACE, _FOLDER, _IN_VAIN = "search", "space", "folder", "in_vain"
# A trial whose process was killed so many times without another epoch takes too much memory, say.
_MOST_IN_VAIN = 3
# So many trials in a row that cannot be trained end a search: something else is wrong.
_MOST_FAILED = 3
_PRUNED_AFTER = 5


@dataclasses.dataclass(frozen=True)
class Best:
    """The best trial of a search.

    Attributes:
        workdir: Of its run.
        score: Single-trial correlation on the tier that chooses weights.
        values: Of the settings that were searched for.
        n_trials: How many have been finished, pruned ones included.
    """

    workdir: Path
    score: float
    values: dict[str, Any]
    n_trials: int


class Pruning(Callback):
    """Tells a trial the score of each epoch, and ends it where it falls behind the others.

    Args:
        trial: Of Optuna.
    """

    def __init__(self, trial):
        self._trial = trial
        # Epochs of the stages before, and the last one of this stage.
        self._before, self._last = 0, 0

    def on_epoch_end(self, report: EpochReport) -> None:
        """Reports the epoch; raises optuna.TrialPruned if the trial is not worth its time."""
        import optuna

        # The untrained weights say nothing of a trial.
        if report.epoch == 0:
            return
        if report.epoch <= self._last:
            self._before += self._last
        self._last = report.epoch
        self._trial.report(report.scalars[SCORE], self._before + report.epoch)
        if self._trial.should_prune():
            raise optuna.TrialPruned


def search(
    space: str | os.PathLike | SearchSpace,
    workdir: str | os.PathLike,
    *,
    n_trials: int,
    data_dir: str | os.PathLike | None = None,
    verbose: bool = True,
    train: Callable = train_stages,
) -> Best:
    """Searches for the settings with the best score on the tier that chooses weights.

    A trial is a run like any other, in `trials/<number>`; what was killed goes on from its last
    checkpoint, unless that has been in vain three times. Several processes may search in one
    workdir at once.

    Args:
        space: What is tried, or a file of it, see `SearchSpace.read`.
        workdir: Gets `study.db` (Optuna's), `trials/`, `tensorboard/` (for its HParams tab) and
            `best.json`.
        n_trials: Of all processes together, those of earlier calls included.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        verbose: Whether to print a line for each trial.
        train: What trains a trial, as `train_stages` does.

    Returns:
        The best trial.

    Raises:
        SensoriumError: If Optuna is missing, the space is not possible, the workdir holds another
            search, or several trials in a row cannot be trained.
        TrainingStopped: If the process got SIGTERM. The same call goes on.
    """
    space = space if isinstance(space, SearchSpace) else SearchSpace.read(space)
    try:
        import optuna
    except ImportError as e:
        raise SensoriumError(
            "Optuna is not installed: pip install 'sensorium_tf[search]', or pip install optuna"
        ) from e
    folder, failed = expand(workdir), 0
    study = _open_study(optuna, folder, space)
    while (trial := _next_trial(optuna, study, folder, n_trials)) is not None:
        where = folder / trial.user_attrs.get(_FOLDER, f"trials/{trial.number}")
        with file_lock(_lock(where), "searching"):
            values = space.suggest(trial)
            try:
                train(
                    space.made(values),
                    where,
                    data_dir=data_dir,
                    callbacks=[Pruning(trial)],
                    verbose=False,
                )
                score, said, failed = _score(Run(where, data_dir)), "", 0
                study.tell(trial, score)
            except optuna.TrialPruned:
                said, failed = "pruned: it falls behind the others", 0
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            except (SensoriumError, MemoryError, tf.errors.ResourceExhaustedError) as e:
                said, failed = f"failed: {one_line(e)}", failed + 1
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
                if failed == _MOST_FAILED:
                    raise
        if not said:
            _show(folder / "tensorboard" / where.name, values, score)
        if verbose:
            result = said or f"correlation {score:.4f}"
            print(f"{where.name}: {json.dumps(values)}: {result}", flush=True)
    return _best(optuna, study, folder, space)


def _open_study(optuna, folder: Path, space: SearchSpace):
    """Opens the study in a folder, or begins one."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(folder / ".opening", "opening the study", wait=True), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            study_name=_STUDY,
            storage=optuna.storages.RDBStorage(
                f"sqlite:///{folder / 'study.db'}", engine_kwargs={"connect_args": {"timeout": 60}}
            ),
            direction="maximize",
            pruner=optuna.pruners.MedianPruner(n_startup_trials=_PRUNED_AFTER),
            load_if_exists=True,
        )
        there = study.user_attrs.get(_SPACE)
        if there is None:
            study.set_user_attr(_SPACE, space.to_json())
        elif there != space.to_json():
            raise SensoriumError(
                f"workdir {folder}: holds a search in another space: choose another --workdir, or "
                "give the space that it began with"
            )
    return study


def _next_trial(optuna, study, folder: Path, n_trials: int):
    """Returns the next trial; None if there are as many as are wanted.

    Those of processes that were killed come first: they are tried again where they were, as long as
    they get on.
    """
    state = optuna.trial.TrialState
    with file_lock(folder / ".opening", "opening the study", wait=True):
        for trial in study.get_trials(deepcopy=False, states=[state.RUNNING]):
            where = trial.user_attrs.get(_FOLDER, f"trials/{trial.number}")
            with contextlib.suppress(SensoriumError), file_lock(_lock(folder / where), "searching"):
                study.tell(trial.number, state=state.FAIL)
                # Epochs that were made by an earlier process are not told again.
                gained = bool(trial.intermediate_values)
                in_vain = 0 if gained else 1 + trial.user_attrs.get(_IN_VAIN, 0)
                if in_vain < _MOST_IN_VAIN:
                    known = {_FOLDER: where, _IN_VAIN: in_vain}
                    study.enqueue_trial(trial.params, user_attrs=known)
        counted = (state.COMPLETE, state.PRUNED, state.RUNNING)
        if len(study.get_trials(deepcopy=False, states=counted)) >= n_trials:
            return None
        trial = study.ask()
        # Held by this process from now on, but for a moment.
        _lock(folder / f"trials/{trial.number}").parent.mkdir(parents=True, exist_ok=True)
        return trial


def _lock(where: Path) -> Path:
    return where.parent / f".{where.name}.lock"


def _score(run: Run) -> float:
    """Returns the single-trial correlation on the tier that chooses weights, of all neurons."""
    tier = run.subset.validation_tier
    each = [
        single_trial_correlation(
            run.mouse(name).trials(tier).rows().responses, run.predict(tier, mouse=name)
        )
        for name in run.mice
    ]
    return float(np.concatenate(each).mean())


def _show(folder: Path, values: dict[str, Any], score: float) -> None:
    """Fills the HParams tab of TensorBoard, with a row for the trial."""
    from tensorboard.plugins.hparams import api as hparams

    plain = {
        name: value if isinstance(value, str | int | float | bool) else json.dumps(value)
        for name, value in values.items()
    }
    with tf.summary.create_file_writer(os.fspath(folder)).as_default(step=0):
        hparams.hparams(plain, trial_id=folder.name)
        tf.summary.scalar(SCORE, score)


def _best(optuna, study, folder: Path, space: SearchSpace) -> Best:
    states = optuna.trial.TrialState
    finished = study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))
    complete = [trial for trial in finished if trial.state is states.COMPLETE]
    if not complete:
        raise SensoriumError(f"workdir {folder}: no trial has been finished: raise --trials")
    trial = max(complete, key=lambda each: each.value)
    best = Best(
        workdir=folder / trial.user_attrs.get(_FOLDER, f"trials/{trial.number}"),
        score=trial.value,
        values=space.suggest(optuna.trial.FixedTrial(trial.params)),
        n_trials=len(finished),
    )
    with atomic_write(folder / "best.json") as file:
        said = {"workdir": os.fspath(best.workdir.relative_to(folder)), "score": best.score}
        json.dump({**said, "values": best.values}, file, indent=2)
    return best
