"""Runs that differ in their seed alone, and the mean of what they predict."""

import contextlib
import dataclasses
import os
from collections.abc import Sequence

from sensorium_tf.errors import SensoriumError, TrainingStopped
from sensorium_tf.locking import file_lock
from sensorium_tf.models import EnsembleModel
from sensorium_tf.training.building import check_mice, check_start
from sensorium_tf.training.interruption import stop_on_sigterm
from sensorium_tf.training.model_file import save_model
from sensorium_tf.training.settings import TrainingSettings
from sensorium_tf.training.strategies import is_chief, make_strategy
from sensorium_tf.training.trainer import TrainingResult, train
from sensorium_tf.training.workdir import Workdir


def train_ensemble(
    settings: TrainingSettings, seeds: Sequence[int], workdir: str | os.PathLike, **where
) -> list[TrainingResult]:
    """Trains a run for each seed, one after another, or goes on with those that were stopped.

    Args:
      settings: of all of them; the seed in it does not count.
      seeds: one for each member.
      workdir: folder of the ensemble: `config.json`, `members/seed<n>/`, each the workdir of a
        run, and, once all of them are there, `model.keras`, the mean of their rates. The lock that
        the process holds is in `checkpoints/`.
      **where: the other arguments of `train`.

    Returns:
      The members' results.

    Raises:
      SensoriumError: as `train`, or if the workdir holds something else, or seeds are missing or
        there twice.
      TrainingStopped: as `train`.
    """
    _check_seeds(seeds)
    settings = dataclasses.replace(settings, seed=seeds[0])
    strategy = where.pop("strategy", "auto")
    strategy = make_strategy(strategy) if isinstance(strategy, str) else strategy
    folder, writes = Workdir(workdir, seeds=seeds), is_chief(strategy)
    mice = check_mice(settings, strategy, data_dir=where.get("data_dir"))
    if writes:
        folder.check(settings, mice)
    # Members that go on need the file that they started from no more.
    begun = all(Workdir(folder.member(seed)).has_checkpoint for seed in seeds)
    uses = settings.uses if begun else check_start(settings, mice)
    with contextlib.ExitStack() as held:
        stop = held.enter_context(stop_on_sigterm())
        if writes:
            held.enter_context(file_lock(folder.lock, "training"))
            folder.claim(settings, mice, uses)
            folder.sweep()
        results = []
        for seed in seeds:
            if stop.received:
                raise TrainingStopped(
                    f"asked to stop before the member with seed {seed}: the same command goes on"
                )
            if where.get("verbose", True) and writes:
                print(f"member with seed {seed}:")
            member = dataclasses.replace(settings, seed=seed)
            results.append(train(member, folder.member(seed), strategy=strategy, **where))
        if writes:
            members = [Workdir(folder.member(seed)).load_model() for seed in seeds]
            save_model(EnsembleModel(members, name=members[0].name), folder.model_file)
    return results


def _check_seeds(seeds: Sequence[int]) -> None:
    listed = isinstance(seeds, Sequence) and not isinstance(seeds, str)
    text = ",".join(map(str, seeds)) if listed else repr(seeds)
    if not listed or not seeds or any(type(seed) is not int or seed < 0 for seed in seeds):
        raise SensoriumError(f"seeds {text}: expected whole numbers of 0 or more, such as 0,1,2")
    if len(set(seeds)) < len(seeds):
        raise SensoriumError(f"seeds {text}: a seed is there twice")
