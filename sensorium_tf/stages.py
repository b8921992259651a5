"""What a training is made of beside one run: pre-training, members, a student; and its time."""

import dataclasses

from sensorium_tf.config import Config, setting
from sensorium_tf.errors import SensoriumError


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

    def member_seeds(self, seed: int) -> tuple[int, ...]:
        """Returns the seeds of the members; empty for a single model.

        Args:
            seed: Of the whole: other ones have other members, all of them.
        """
        if self.seeds is not None:
            return self.seeds
        n_members = self.members or 1
        return tuple(range(seed * n_members, (seed + 1) * n_members)) if n_members > 1 else ()

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
        if self.distil:
            parts.append("one model learns from that and takes its place")
        if self.budget_minutes is not None:
            parts.append(f"{self.budget_minutes:g} minutes")
        return parts


#: No stages, whatever the recipe says: a run by itself.
ALONE = StageSettings(members=1, prune=False, distil=False)


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
        "names of prepared mice; images of test tiers are left out.",
    )
