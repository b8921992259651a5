"""Runs that differ in their seed alone, and the mean of what they predict."""

import contextlib
import dataclasses
import os
from collections.abc import Sequence

from sensorium_tf.errors import SensoriumError, TrainingStopped
from sensorium_tf.models import EnsembleModel
from sensorium_tf.runs import Run, RunRecord, RunStore, save_model
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training.building import compiled_model, open_mice
from sensorium_tf.training.controller import TrainingResult
from sensorium_tf.training.devices import is_chief, make_strategy
from sensorium_tf.training.interruption import stop_on_sigterm
from sensorium_tf.training.trainer import train_run
from sensorium_tf.training.warm_start import warm_start


def train_ensemble(
    settings: TrainingSettings, seeds: Sequence[int], workdir: str | os.PathLike, **where
) -> list[TrainingResult]:
    """Trains a run for each seed, one after another, or goes on with those that were stopped.

    Args:
        settings: Of all of them; the seed in it does not count.
        seeds: One for each member.
        workdir: Folder of the ensemble: `config.json`, `members/seed<n>/`, each the workdir of a
            run, and, once all of them are there, `model.keras`, the mean of their rates. The lock
            that the process holds is in `checkpoints/`.
        **where: The other arguments of `train_run`.

    Returns:
        The members' results.

    Raises:
        SensoriumError: As `train_run`, or if the workdir holds something else, or seeds are missing
            or duplicates.
        TrainingStopped: As `train_run`.
    """
    _check_seeds(seeds)
    settings = dataclasses.replace(settings, seed=seeds[0])
    strategy = where.pop("strategy", "auto")
    strategy = make_strategy(strategy) if isinstance(strategy, str) else strategy
    store, writes = RunStore(workdir), is_chief(strategy)
    mice, inputs = open_mice(settings, strategy, data_dir=where.get("data_dir"))
    record = RunRecord.new(settings, mice, seeds=seeds, modules=where.get("modules"))
    if writes:
        store.check(record)
    # Members that go on need the file that they started from no more.
    if not all(store.member(seed).checkpoints.any for seed in seeds):
        model = compiled_model(settings, mice, inputs)
        start = warm_start(settings.init_from, model, mice)
        record = record.with_model(model, start=start.provenance)
    with contextlib.ExitStack() as held:
        stop = held.enter_context(stop_on_sigterm())
        if writes:
            held.enter_context(store.claimed(record))
        results = []
        for seed in seeds:
            if stop.received:
                raise TrainingStopped(
                    f"asked to stop before the member with seed {seed}: the same command goes on"
                )
            if where.get("verbose", True) and writes:
                print(f"member with seed {seed}:")
            member = dataclasses.replace(settings, seed=seed)
            results.append(train_run(member, store.member(seed).path, strategy=strategy, **where))
        if writes:
            members = [Run(store.member(seed).path).model for seed in seeds]
            save_model(EnsembleModel(members, name=members[0].name), store.model_file)
    return results


def _check_seeds(seeds: Sequence[int]) -> None:
    listed = isinstance(seeds, Sequence) and not isinstance(seeds, str)
    text = ",".join(map(str, seeds)) if listed else repr(seeds)
    if not listed or not seeds or any(type(seed) is not int or seed < 0 for seed in seeds):
        raise SensoriumError(f"seeds {text}: expected whole numbers of 0 or more, such as 0,1,2")
    if len(set(seeds)) < len(seeds):
        raise SensoriumError(f"seeds {text}: a duplicate seed")
