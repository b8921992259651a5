"""What a run starts from: a trained model's weights, and trials, which a teacher may change."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

from sensorium_tf.data import Mouse, Trials
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import FiringRateModel, copy_weights
from sensorium_tf.runs import Provenance, Run, RunStore
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training.distillation import open_teacher


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """What a run has taken from a trained model; by default nothing.

    Attributes:
        provenance: The signals and trials that the trained model uses.
        copied: The mice whose readouts were taken, as their neurons are known to be the same.
        description: All that was taken, in one line.
    """

    provenance: Provenance | None = None
    copied: tuple[str, ...] = ()
    description: str = ""


def warm_start(path: str | None, model: FiringRateModel, mice: Sequence[Mouse]) -> WarmStart:
    """Copies the core of a trained model, and the readouts of neurons known to be the same.

    Args:
        path: Its file, as the user wrote it; None takes nothing.
        model: Of a run.
        mice: Those that it was built for.

    Raises:
        SensoriumError: If there is no such file, it is damaged or an ensemble, or the cores differ.
    """
    if path is None:
        return WarmStart()
    run = Run.of_file(path)
    if not isinstance(run.model, FiringRateModel):
        raise SensoriumError(f"{path}: is an ensemble: start from one of its members")
    # A lone file does not tell which recordings it was trained on.
    known = {} if run.record is None else run.record.recordings
    same = [mouse.name for mouse in mice if mouse.fingerprint == known.get(mouse.name)]
    try:
        copied = copy_weights(run.model, model, same_neurons=same)
    except SensoriumError as e:
        raise SensoriumError(f"{path}: {e}") from e
    readouts = f" and the readout of {', '.join(copied)}" if copied else ""
    parts = [f"from {path}: the core{readouts}"]
    for mouse in model.mice:
        if mouse not in copied:
            why = "not known to be its neurons" if mouse in run.model.mice else "not in it"
            parts.append(f"new readout for {mouse} ({why})")
    return WarmStart(run.provenance, copied, "; ".join(parts))


def start(
    settings: TrainingSettings,
    model: FiringRateModel,
    mice: Sequence[Mouse],
    store: RunStore,
    *,
    places: Mapping[str, os.PathLike],
    data_dir: str | os.PathLike | None,
    say: bool,
) -> tuple[dict[str, Trials], dict[str, Provenance]]:
    """Gives an untrained model the weights to start from, and reads what it learns from.

    All but the model are arguments of `building.plan_run`.

    Returns:
        Mouse to the trials to train on; model that the settings name to the signals and trials
        that it uses.

    Raises:
        SensoriumError: If a model that the settings name does not fit, or trials cannot be read.
    """
    # A run that goes on needs the file no more.
    init_from = None if store.checkpoints.any else settings.init_from
    begun = warm_start(places.get(init_from, init_from), model, mice)
    sources = {} if begun.provenance is None else {init_from: begun.provenance}
    if begun.description and say:
        print(begun.description)
    trials = {mouse.name: settings.train_trials_of(mouse) for mouse in mice}
    if say and settings.has_time:
        for mouse in mice:
            there = settings.subset.n_train_trials_of(mouse)
            if n_short := there - len(trials[mouse.name]):
                print(
                    f"{mouse.name}: {n_short} of {there} trials are shorter than "
                    f"{settings.movies.window} frames and left out"
                )
    if (taught_by := settings.distillation.distil_from) is not None:
        teacher = open_teacher(places.get(taught_by, taught_by), mice, data_dir=data_dir)
        sources[taught_by] = teacher.provenance
        trials = teacher.teach(
            trials,
            weight=settings.distillation.distil_weight,
            images=settings.distillation.distil_images,
            seed=settings.seed,
            say=say,
        )
    for mouse, each in trials.items():
        if mouse in begun.copied:
            continue
        if settings.mean_bias:
            model.set_mean_rates(mouse, each.mean_responses())
        if (readout := model.readouts[mouse]).maps_fields and not store.checkpoints.any:
            if say:
                print(f"mapping the receptive fields of {mouse}")
            readout.set_receptive_fields(each.images[..., 0], each.responses)
            if mouse in model.shifters:
                model.shifters[mouse].stand_still()
    return trials, sources
