"""The stages of a training, as its settings say, and what is known of the model that they give."""

import dataclasses
from collections.abc import Mapping, Sequence

from sensorium_tf.runs.provenance import Provenance
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.specs import PAST_RESPONSES
from sensorium_tf.stages import ALONE, OF_MEMBERS, OF_STUDENT, DistillationSettings

#: Model file of a run, as it lies in its folder.
MODEL_FILE = "model.keras"
# Share of the first stage's epochs that fine-tuning takes.
_FINETUNING = 0.25
# Of a member that has nothing to share with other mice.
_NOT_PRETRAINED = {
    name: getattr(ALONE, name) for name in ("pretrain_mice", "finetune_epochs", "finetune_rate")
}


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of a training: a run of its own, or a training that has stages itself.

    Attributes:
        folder: Its workdir, below that of what it is a part of.
        settings: Of its run. Models of other stages are named relative to its own folder.
        needs: Folder of the stage whose model it starts or learns from; empty if of none.
    """

    folder: str
    settings: TrainingSettings
    needs: str = ""

    @property
    def name(self) -> str:
        """What it is called, such as `seed 3`, `fold 2` or `pretraining`."""
        last = self.folder.rpartition("/")[2]
        digits = last.lstrip("abcdefghijklmnopqrstuvwxyz")
        return f"{last.removesuffix(digits)} {digits}".strip()

    def like(self, members: Sequence["Stage"]) -> "Stage":
        """Returns it with the core and the readout of the first member, if none has its own."""
        own, *theirs = (
            {part: getattr(stage.settings.architecture, part) for part in OF_MEMBERS.values()}
            for stage in (self, *members)
        )
        parts = own if own in theirs else theirs[0]
        return dataclasses.replace(self, settings=_with_parts(self.settings, parts))

    @property
    def link(self) -> str:
        """The model that it needs, as its settings name it."""
        return _link(self.needs)


def _link(stage: str) -> str:
    return f"../{stage}/{MODEL_FILE}"


def members_of(settings: TrainingSettings) -> tuple[Stage, ...]:
    """Returns the members of an ensemble, if the last of all stages is not a student's.

    Args:
        settings: Of the whole training.
    """
    if settings.stages.distil:
        return ()
    subset = settings.subset
    member = {"seeds": None, "members": 1, "prune": False, **dict.fromkeys(OF_MEMBERS)}
    if subset.folds is not None and subset.fold is None:
        # Each has a seed of its own: their weights are to differ in more than the trials.
        chosen = {
            f"fold{fold}": {
                "seed": settings.seed * subset.folds + fold - 1,
                "subset": dataclasses.replace(subset, fold=fold),
            }
            for fold in range(1, subset.folds + 1)
        }
    else:
        seeds = settings.stages.member_seeds(settings.seed)
        chosen = {f"seed{seed}": {"seed": seed} for seed in seeds}
    members = []
    for index, (name, each) in enumerate(chosen.items()):
        own = _with_parts(settings, settings.stages.parts_of_member(index))
        alone = {} if own.architecture.shares_weights else _NOT_PRETRAINED
        members.append(Stage(f"members/{name}", _staged(own, {**member, **alone}, **each)))
    return tuple(members)


def _with_parts(settings: TrainingSettings, parts: Mapping[str, str]) -> TrainingSettings:
    """Returns settings with other parts of the model, where there are any."""
    if not parts:
        return settings
    architecture = dataclasses.replace(settings.architecture, **parts)
    return dataclasses.replace(settings, architecture=architecture)


def stages_of(settings: TrainingSettings) -> tuple[Stage, ...]:
    """Returns the stages of a training, in their order; none for a single run.

    The model of the whole is the mean of the members' or, where there are none, the last stage's.

    Args:
        settings: Of the whole training.
    """
    if settings.stages.distil:
        distillation, subset = settings.distillation, settings.subset
        return (
            Stage("teacher", _teacher(settings)),
            Stage(
                "student",
                dataclasses.replace(
                    _with_parts(settings, settings.stages.parts_of_student()),
                    stages=ALONE,
                    init_from=None,
                    freeze_core=False,
                    # It takes the place of all folds.
                    subset=subset if subset.fold else dataclasses.replace(subset, folds=None),
                    distillation=dataclasses.replace(
                        distillation,
                        distil_from=_link("teacher"),
                        distil_images=distillation.distil_images or _seen(settings),
                    ),
                ),
                needs="teacher",
            ),
        )
    if members := members_of(settings):
        return members
    if not settings.stages.pretrain_mice:
        return ()
    epochs = settings.stages.finetune_epochs or max(1, round(settings.epochs * _FINETUNING))
    return (
        Stage(
            "pretraining",
            dataclasses.replace(
                settings, mice=(*settings.mice, *settings.stages.pretrain_mice), stages=ALONE
            ),
        ),
        Stage(
            "finetuning",
            dataclasses.replace(
                settings,
                stages=ALONE,
                init_from=_link("pretraining"),
                epochs=epochs,
                learning_rate=settings.learning_rate * settings.stages.finetune_rate,
                schedule=settings.schedule.scaled(epochs / settings.epochs),
            ),
            needs="pretraining",
        ),
    )


def runs_of(settings: TrainingSettings, folder: str = "") -> tuple[Stage, ...]:
    """Returns the single runs of a training in their order, one if it has no stages.

    Args:
        settings: Of the whole training.
        folder: Of the whole; those of the runs, stages within stages, are below it.
    """
    if not (stages := stages_of(settings)):
        return (Stage(folder, settings),)
    parts = (runs_of(s.settings, f"{folder}/{s.folder}".lstrip("/")) for s in stages)
    return tuple(run for part in parts for run in part)


def provenance_of(
    settings: TrainingSettings,
    *,
    inputs: tuple[str, ...] | None = None,
    past_tiers: tuple[str, ...] = (),
    sources: Mapping[str, Provenance] | None = None,
    recording_ids: Mapping[str, str] | None = None,
) -> Provenance:
    """Returns what the model of a training uses, stages and all.

    Args:
        settings: Of the whole training.
        inputs: Signals that the model is given, once they are known.
        past_tiers: Tiers whose responses it is given as past ones.
        sources: Model file or run that the settings name to what is known of it.
        recording_ids: Mouse to its recording, as far as the mice are known.
    """
    subset = settings.subset
    known = {"inputs": inputs, "past_tiers": past_tiers, "recording_ids": recording_ids}
    own = Provenance(
        mice=settings.mice,
        track=settings.track,
        inputs=inputs or settings.signals,
        past_tiers=past_tiers,
        trained_on=subset.fitted_tiers,
        chosen_by=subset.validation_tier,
        neurons_chosen_by=subset.neurons_chosen_by,
        subset=subset.describe(),
        started_from=settings.init_from,
        taught_by=settings.distillation.distil_from,
        recording_ids=tuple((recording_ids or {}).items()),
    )
    sources = dict(sources or {})
    if members := members_of(settings):
        each = [provenance_of(member.settings, sources=sources, **known) for member in members]
        # Where not all are pre-trained, those that are have seen more mice.
        most = max(each, key=lambda member: len(member.seen_before))
        return dataclasses.replace(most, subset=own.subset)
    if stages := stages_of(settings):
        first, last = stages
        before = provenance_of(first.settings, sources=sources, **known)
        after = provenance_of(last.settings, sources={**sources, last.link: before}, **known)
        # What it is called seen from the whole.
        names = {last.link: first.folder}
        return dataclasses.replace(
            after,
            started_from=names.get(after.started_from, after.started_from),
            taught_by=names.get(after.taught_by, after.taught_by),
        )
    used = [sources[each] for each in (own.started_from, own.taught_by) if each in sources]
    return own.after(*used) if used else own


def _seen(settings: TrainingSettings) -> tuple[str, ...]:
    """Returns what a teacher shows its student: all that it has seen, where that can be."""
    # Images alone have no past responses.
    return () if PAST_RESPONSES in settings.signals else settings.stages.pretrain_mice


def _teacher(settings: TrainingSettings) -> TrainingSettings:
    own = settings.distillation
    # More images, and how much of a teacher is learnt, are the student's.
    own = DistillationSettings(distil_from=own.distil_from)
    stages = {"distil": False, "student_like_members": False, **dict.fromkeys(OF_STUDENT)}
    return _staged(settings, stages, distillation=own)


def _staged(settings: TrainingSettings, stages: Mapping, **changes) -> TrainingSettings:
    """Returns settings with other stages; the time is for the whole, not for one of them."""
    stages = dataclasses.replace(settings.stages, **stages, budget_minutes=None)
    return dataclasses.replace(settings, stages=stages, **changes)
