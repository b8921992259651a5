"""A training of several stages: each an ordinary run in a subfolder, the whole made of theirs."""

import contextlib
import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import tensorflow as tf

from sensorium_tf.data import Mouse
from sensorium_tf.errors import TrainingStopped
from sensorium_tf.io import atomic_write
from sensorium_tf.models import FiringRateModel
from sensorium_tf.registry import CORES, Part
from sensorium_tf.runs import Provenance, Run, RunRecord, RunStore
from sensorium_tf.runs.stages import Stage, runs_of, stages_of
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.stages import ALONE, DistillationSettings
from sensorium_tf.training.budget import Budget
from sensorium_tf.training.building import compiled_model, open_mice
from sensorium_tf.training.devices import chiefs_value, is_chief, make_strategy
from sensorium_tf.training.distillation import check_images
from sensorium_tf.training.ensemble import Ensemble
from sensorium_tf.training.interruption import StopRequest, stop_on_sigterm
from sensorium_tf.training.result import TrainingResult
from sensorium_tf.training.starting import warm_start
from sensorium_tf.training.trainer import train_run


def train_stages(
    settings: TrainingSettings,
    workdir: str | os.PathLike,
    *,
    data_dir: str | os.PathLike | None = None,
    strategy: str | tf.distribute.Strategy = "auto",
    started: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    verbose: bool = True,
    **options,
) -> list[TrainingResult]:
    """Trains all stages of the settings, one after another, or goes on where it was stopped.

    Without stages it is `train_run`.

    Args:
        settings: Of the whole.
        workdir: Folder of the whole: `config.json` and a folder for each stage (`pretraining/` and
            `finetuning/`, `members/seed<n>/` or `members/fold<n>/`, `teacher/` and `student/`),
            which is a run's or has stages itself; and, once all of them are there, `model.keras`:
            the mean of the members, or the last stage's model, whose `metrics.jsonl` it gets too.
            The lock that the process holds is in `checkpoints/`.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        strategy: Where to compute, see `make_strategy`.
        started: When the time of `budget_minutes` began, by the clock; now if left out.
        clock: Returns seconds.
        verbose: As of `train_run`; it also says which stage of how many is trained.
        **options: The other arguments of `train_run`.

    Returns:
        The results of all runs.

    Raises:
        SensoriumError: As `train_run`, or if the workdir holds something else.
        TrainingStopped: As `train_run`.
    """
    strategy = make_strategy(strategy) if isinstance(strategy, str) else strategy
    store, writes = RunStore(workdir), is_chief(strategy)
    budget = None
    if settings.stages.budget_minutes is not None:
        budget = Budget(
            settings.stages.budget_minutes,
            store.times,
            weights={run.folder: _weight(run.settings) for run in runs_of(settings)},
            started=started,
            writes=writes,
            clock=clock,
        )
    options |= {"data_dir": data_dir, "strategy": strategy, "verbose": verbose}
    if not stages_of(settings):
        share = None if budget is None else budget.share("")
        return [train_run(settings, workdir, share=share, **options)]
    start = _Start.of(settings, store, strategy, options)
    with stop_on_sigterm() as stop:
        training = _Training(settings, start, writes, stop, budget, options)
        training.train(settings, store)
        if budget is not None:
            budget.note(now=True)
    return training.results


def _weight(settings: TrainingSettings) -> float:
    """Returns what a run takes of the time, in proportion."""
    n_sources = len(settings.mice) + len(settings.distillation.distil_images)
    core = settings.architecture.core
    cost = 1.0 if core is None else CORES[Part.parse(core).name].step_cost
    return settings.epochs * n_sources * cost


@dataclasses.dataclass(frozen=True, eq=False)
class _Start:
    """What is known before anything is trained: what cannot be leaves no folder.

    Attributes:
        mice: Those of all stages.
        model: Untrained; None if all runs have begun.
        sources: Model that the settings name to what is known of it.
    """

    mice: list[Mouse]
    model: FiringRateModel | None
    sources: Mapping[str, Provenance]

    @classmethod
    def of(cls, settings: TrainingSettings, store: RunStore, strategy, options) -> "_Start":
        everyone = dataclasses.replace(
            settings,
            mice=(*settings.mice, *settings.stages.pretrain_mice),
            stages=ALONE,
            distillation=DistillationSettings(),
        )
        mice, inputs = open_mice(everyone, strategy, data_dir=options["data_dir"])
        record = RunRecord.new(settings, mice, modules=options.get("modules"))
        if is_chief(strategy):
            store.check(record)
        ahead = [
            run.settings
            for run in runs_of(settings)
            if not RunStore(store.path / run.folder).checkpoints.any
        ]
        if not ahead:
            return cls(mice, None, {})
        # Members may have cores of their own: what cannot be built is said now.
        architectures = dict.fromkeys(run.architecture for run in ahead)
        models = [
            compiled_model(dataclasses.replace(everyone, architecture=each), mice, inputs)
            for each in architectures
        ]
        model, sources = models[0], {}
        if any(run.distillation.distil_images for run in ahead):
            targets = [mouse for mouse in mice if mouse.name in settings.mice]
            images = settings.distillation.distil_images
            check_images(images, targets, data_dir=options["data_dir"])
        # Runs that go on need the file that they started from no more.
        if settings.init_from in [each.init_from for each in ahead]:
            start = warm_start(settings.init_from, model, mice)
            if start.provenance is not None:
                sources[settings.init_from] = start.provenance
        teacher = settings.distillation.distil_from
        if teacher in [each.distillation.distil_from for each in ahead] and teacher is not None:
            sources[teacher] = Run(teacher).provenance
        return cls(mice, model, sources)


@dataclasses.dataclass(eq=False)
class _Training:
    """Goes through the stages, and the stages of stages.

    Attributes:
        whole: Settings of all of it.
        start: What is known before.
        writes: Whether this process is the one that writes.
        stop: Tells whether the process has been asked to end.
        budget: The time; None for as many epochs as the settings say.
        options: Of every run.
        results: Of the runs so far.
    """

    whole: TrainingSettings
    start: _Start
    writes: bool
    stop: StopRequest
    budget: Budget | None
    options: Mapping
    results: list[TrainingResult] = dataclasses.field(default_factory=list)

    def train(self, settings: TrainingSettings, store: RunStore, folder: str = "") -> list[Stage]:
        """Trains the stages of some settings, and makes the model of the whole.

        Returns:
            The members that stay, the best one first if they were scored.
        """
        record = RunRecord.new(settings, self.start.mice, modules=self.options.get("modules"))
        if self.start.model is not None:
            record = record.with_model(self.start.model, self.start.sources)
        with contextlib.ExitStack() as held:
            if self.writes:
                held.enter_context(store.claimed(record))
            ensemble = Ensemble(settings, self.start.mice) if record.members else None
            kept: list[Stage] = []
            for stage in record.stages:
                if settings.stages.student_like_members and kept:
                    begun = store.stage(stage)
                    # What it began with it keeps, even if members are chosen otherwise now.
                    own = [Stage("", begun.record().settings)] if begun.begun else kept
                    stage = stage.like(own)
                kept = self._train_stage(stage, store, f"{folder}/{stage.folder}".lstrip("/"))
                if ensemble is not None and self.writes:
                    ensemble.add(stage.name, Run(store.stage(stage).path).model)
            if ensemble is None:
                if self.writes:
                    _take_over(store.stage(record.stages[-1]), store)
                return []
            numbers = range(len(record.stages))
            if self.writes:
                numbers = ensemble.save(store, verbose=self.options["verbose"])
            # All workers go on with the same ones.
            agreed = chiefs_value(self.options["strategy"])
            return [record.stages[int(agreed(n))] for n in numbers[: int(agreed(len(numbers)))]]

    def _train_stage(self, stage: Stage, store: RunStore, folder: str) -> list[Stage]:
        if self.stop.received:
            raise TrainingStopped(
                f"asked to stop before the stage {folder}: the same command goes on"
            )
        if stages_of(stage.settings):
            return self.train(stage.settings, store.stage(stage), folder)
        n_runs = len(runs_of(self.whole))
        name = f"stage {len(self.results) + 1} of {n_runs}"
        if self.options["verbose"] and self.writes:
            print(f"{name}: {folder}", flush=True)
        result = train_run(
            stage.settings,
            store.stage(stage).path,
            stage=name,
            places={stage.link: store.path / stage.needs / RunStore(store.path).model_file.name},
            share=None if self.budget is None else self.budget.share(folder),
            **self.options,
        )
        self.results.append(result)
        return []


def _take_over(last: RunStore, store: RunStore) -> None:
    """Gives the whole the model and the epochs of its last stage."""
    for source, target in ((last.model_file, store.model_file), (last.metrics, store.metrics)):
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, atomic_write(target, "wb") as write:
        shutil.copyfileobj(read, write)
