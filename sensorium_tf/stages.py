"""What a training is made of beside one run: pre-training, members, a student; and its time."""

import dataclasses
import math
from typing import Self

from sensorium_tf.config import Config, setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.registry import Part

#: What members take in turn, to the part of the model that it is.
OF_MEMBERS = {"member_cores": "core", "member_readouts": "readout"}
#: What a student has in place of the model's part, to that part.
OF_STUDENT = {"student_core": "core", "student_readout": "readout"}
#: All of these.
OWN_PARTS = (*OF_MEMBERS, *OF_STUDENT)


@dataclasses.dataclass(frozen=True, kw_only=True)
class StageSettings(Config):
    """The stages of a training, each an ordinary run in a subfolder; by default there are none.

    They combine: members that are each pre-trained, and a student that learns from their mean. A
    recipe may choose those whose default is None.

    Raises:
        SensoriumError: If a value is not possible, or one does not go with another.
    """

    title = "stages"

    pretrain_mice: tuple[str, ...] = setting(
        (),
        "Prepared mice that join the target mice in a first stage; the second one fine-tunes the "
        "targets alone.",
        essential=True,
    )
    finetune_epochs: int | None = setting(
        None, "Epochs of the second stage; None for a quarter of the first one's.", at_least=1
    )
    finetune_rate: float = setting(
        0.1, "Learning rate of the second stage, as a share of the first one's.", above=0
    )
    seeds: tuple[int, ...] | None = setting(
        None, "Seeds of an ensemble, such as 0,1,2,3,4; not with --seed.", essential=True
    )
    members: int | None = setting(
        None,
        "Members of an ensemble, whose seeds follow from --seed; None for a single model.",
        at_least=1,
        essential=True,
    )
    member_cores: str | None = setting(
        None,
        "Cores that the members take in turn, in place of the model's, joined by semicolons, such "
        "as 'gabor; rotation_equivariant(dropout=0.2)'.",
    )
    member_readouts: str | None = setting(
        None,
        "Readouts that the members take in turn, in the same way, such as "
        "'oriented; receptive_field'.",
    )
    prune: bool | None = setting(
        None,
        "Whether only the members stay in an ensemble whose mean predicts the tier that chooses "
        "weights best: one after another is taken as long as the score gains.",
    )
    distil: bool | None = setting(
        None,
        "Whether one model learns from the trained one (an ensemble, say) and takes its place.",
        essential=True,
    )
    student_core: str | None = setting(
        None, "Core of the student, in place of the model's, such as 'contrast'."
    )
    student_readout: str | None = setting(
        None, "Readout of the student, in the same way, such as 'receptive_field'."
    )
    student_like_members: bool | None = setting(
        None,
        "Whether a student whose core and readout none of the members has that --prune lets stay "
        "takes those of the best one.",
    )
    budget_minutes: float | None = setting(
        None,
        "Time for the whole command: the epochs of the stages are fitted to it, in proportion to "
        "those of the settings, and the learning rate falls to zero all the same.",
        above=0,
        essential=True,
    )

    def __post_init__(self):
        super().__post_init__()
        text = ",".join(map(str, self.seeds or ()))
        if self.seeds is not None and (not self.seeds or min(self.seeds) < 0):
            raise SensoriumError(
                f"seeds {text}: expected whole numbers of 0 or more, such as 0,1,2"
            )
        if len(set(self.seeds or ())) < len(self.seeds or ()):
            raise SensoriumError(f"seeds {text}: a duplicate seed")
        for name in OWN_PARTS:
            if (parts := getattr(self, name)) is not None:
                several = parts.split(";") if name in OF_MEMBERS else [parts]
                try:
                    checked = [str(Part.parse(each)) for each in several]
                except SensoriumError as e:
                    raise SensoriumError(f"{name}: {e}") from e
                object.__setattr__(self, name, "; ".join(checked))

    def parts_of_member(self, index: int) -> dict[str, str]:
        """Returns what the member of this number, from 0 on, has in place of the model's parts.

        Args:
            index: Of the member.

        Returns:
            Such as `{"core": "gabor"}`; empty where members differ in nothing.
        """
        return {part: each[index % len(each)] for part, each in self._turns().items()}

    @property
    def n_turns(self) -> int:
        """After how many members the parts come again; 0 where members differ in nothing."""
        lengths = [len(each) for each in self._turns().values()]
        return math.lcm(*lengths) if lengths else 0

    def _turns(self) -> dict[str, list[str]]:
        parts = {part: getattr(self, name) for name, part in OF_MEMBERS.items()}
        return {part: given.split("; ") for part, given in parts.items() if given is not None}

    def parts_of_student(self) -> dict[str, str]:
        """Returns what the student has in place of the model's parts, as `parts_of_member`."""
        parts = {part: getattr(self, name) for name, part in OF_STUDENT.items()}
        return {part: given for part, given in parts.items() if given is not None}

    def member_seeds(self, seed: int) -> tuple[int, ...]:
        """Returns the seeds of the members; empty for a single model.

        Args:
            seed: Of the whole: other ones have other members, all of them.
        """
        if self.seeds is not None:
            return self.seeds
        n_members = self.members or 1
        return tuple(range(seed * n_members, (seed + 1) * n_members)) if n_members > 1 else ()

    def together(self, given: Self, *, folds: bool) -> Self:
        """Returns them without what a recipe chose in vain: members beside seeds, say.

        Args:
            given: What was chosen before the recipe was asked.
            folds: Whether there is a member for each fold.

        Raises:
            SensoriumError: If what was chosen has no effect, or does not go with another.
        """
        if folds and self.seeds:
            raise SensoriumError("seeds: not with folds, each of which has a seed of its own")
        if folds and given.prune:
            raise SensoriumError(
                "prune: not with folds: a trial is held out from one member alone, so no score of "
                "a mean of several is held out: leave --folds out, or give --noprune"
            )
        counted = "folds" if folds else "seeds" if self.seeds else ""
        if counted and (given.members or 1) > 1:
            raise SensoriumError(f"members: not with {counted}, which say how many there are")
        members = 1 if counted else self.members
        is_ensemble = counted or (members or 1) > 1
        if given.prune and not is_ensemble:
            raise SensoriumError("prune: goes with members or seeds: a single model has no members")
        for name in OF_MEMBERS:
            if getattr(given, name) and not is_ensemble:
                raise SensoriumError(f"{name}: goes with members, seeds or folds")
        for name in OF_STUDENT:
            if getattr(given, name) and not self.distil:
                raise SensoriumError(f"{name}: goes with distil")
        default = type(self)()
        for name in ("finetune_epochs", "finetune_rate"):
            if not self.pretrain_mice and getattr(given, name) != getattr(default, name):
                raise SensoriumError(f"{name}: goes with pretrain_mice")
        prune = self.prune and bool(is_ensemble) and not folds
        parts = {} if is_ensemble else dict.fromkeys(OF_MEMBERS)
        if not self.distil:
            parts |= dict.fromkeys(OF_STUDENT)
        like_best = bool(self.distil and prune and self.student_like_members)
        if given.student_like_members and not like_best:
            raise SensoriumError(
                "student_like_members: goes with distil, members or seeds, and prune"
            )
        return dataclasses.replace(
            self, members=members, prune=prune, student_like_members=like_best, **parts
        )

    def describe(self, seed: int) -> list[str]:
        """Returns the stages in words, as parts of a line.

        Args:
            seed: Of the whole.
        """
        parts = []
        if self.pretrain_mice:
            parts.append(f"first together with {', '.join(self.pretrain_mice)}")
        if seeds := self.member_seeds(seed):
            best = ", of which the best stay" if self.prune else ""
            parts.append(f"the mean of seeds {', '.join(map(str, seeds))}{best}")
        for name, part in OF_MEMBERS.items():
            if (of_members := getattr(self, name)) is not None:
                parts.append(f"members' {part}s {of_members}")
        if self.distil:
            own = " ".join(self.parts_of_student().values())
            own += ", if such a member stays" * (bool(own) and self.student_like_members)
            parts.append(f"one model{f' ({own})' * bool(own)} learns from that and takes its place")
        if self.budget_minutes is not None:
            parts.append(f"{self.budget_minutes:g} minutes")
        return parts


#: No stages, whatever the recipe says: a run by itself.
ALONE = StageSettings(members=1, prune=False, distil=False, student_like_members=False)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillationSettings(Config):
    """What a run learns from another model; by default nothing.

    Raises:
        SensoriumError: If a value is not possible.
    """

    title = "distillation"

    distil_from: str | None = setting(
        None,
        "Workdir or model file of a model for the same mice, whose rates a student learns beside "
        "the responses.",
        essential=True,
    )
    distil_weight: float = setting(
        0.5,
        "Share of the teacher's rates in what the student learns; the rest are the responses.",
        above=0,
        at_most=1,
    )
    distil_images: tuple[str, ...] = setting(
        (),
        "More images that the teacher shows its student: folders of photographs, recordings or "
        "names of prepared mice; images of trials that are not trained on are left out.",
    )

    def check(self, *, learns: bool, takes_past: bool) -> None:
        """Raises SensoriumError if something has no effect, or is not possible.

        Args:
            learns: Whether there is a teacher.
            takes_past: Whether the model is given past responses.
        """
        for name in ("distil_weight", "distil_images"):
            default = type(self).__dataclass_fields__[name].default
            if not learns and getattr(self, name) != default:
                raise SensoriumError(f"{name}: goes with distil_from or distil")
        if self.distil_images and takes_past:
            raise SensoriumError(
                "distil_images: not with a model that is given past responses: there are none to "
                "more images"
            )
