"""All that decides a training run, as one value that can be written down and compared."""

import dataclasses
from typing import TYPE_CHECKING, Any, Self

from sensorium_tf.choices import TrainingChoices
from sensorium_tf.config import Config, check_names, flat_fields, from_flat, with_defaults
from sensorium_tf.data.names import mouse_names
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.settings import PRESETS, ModelSettings
from sensorium_tf.movie_settings import WINDOW
from sensorium_tf.registry import Part
from sensorium_tf.settings_checks import check_together
from sensorium_tf.specs import POOLED
from sensorium_tf.stages import OF_MEMBERS, OF_STUDENT, OWN_PARTS

if TYPE_CHECKING:
    from sensorium_tf.data import Mouse, MovieTrials, Trials

#: Suffixes of figures; the first is what is written unless somebody chooses another.
FIGURE_FORMATS = ("png", "pdf", "svg")
#: Where a run can compute, see `training.make_strategy`.
STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker")

# Settings that the challenge chooses where the user says nothing.
_OF_CHALLENGE = ("track", "validation_tier")
# What a recipe chooses together: its core, what that is given, and what reads it.
_OF_CORE = ("core", "readout", *OWN_PARTS, "channels", "image_size")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings(TrainingChoices):
    """What to train, on what, and how; the defaults are the published recipe.

    A step takes one batch of every mouse and sums their losses; the recipe, a file of
    `sensorium_tf/recipes`, says what is None here.

    Raises:
        SensoriumError: If a value is not possible, or one does not go with another.
    """

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "mice", tuple(mouse_names(",".join(self.mice))))
        given = self.stages
        self._take_from_challenge()
        self._take_from_recipe()
        folds = self.subset.folds is not None and self.subset.fold is None
        object.__setattr__(self, "stages", self.stages.together(given, folds=folds))
        if self.stages.seeds:
            object.__setattr__(self, "seed", self.stages.seeds[0])
        check_together(self)
        if self.how.ramps:
            object.__setattr__(self, "schedule", self.schedule.with_ramps(self.epochs))

    def _take_from_challenge(self) -> None:
        """Puts what the challenge says in the place of None."""
        track = self.track or self.benchmark.default_track
        object.__setattr__(self, "track", self.benchmark.track(track).name)
        object.__setattr__(self, "subset", self.subset.of_challenge(self.benchmark))

    def _take_from_recipe(self) -> None:
        """Puts what the recipe says in the place of None."""
        values = self.how.of_track(self.track, self.challenge)
        dropped = ()
        if not self.architecture.leaves_core:
            dropped = _OF_CORE
        elif self.architecture.readout is not None:
            dropped = OWN_PARTS
        else:
            if self.stages.member_cores is not None:
                dropped += tuple(OF_MEMBERS)
            if self.stages.parts_of_student():
                dropped += (*OF_STUDENT, "student_like_members")
        values = {n: value for n, value in values.items() if n not in dropped}
        check_names(values, chosen_by_recipes(), f"setting that recipe {self.recipe} can choose")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, ModelSettings) and value.model != ModelSettings().model:
                continue  # a recipe's parts are in the place of the default model's
            if isinstance(value, Config):
                object.__setattr__(self, field.name, with_defaults(value, values))
            elif value is None:
                object.__setattr__(self, field.name, values.get(field.name))
        if self.channels is None:
            object.__setattr__(self, "channels", ())
        window = self.movies.window or WINDOW
        if self.has_time:
            object.__setattr__(self, "movies", dataclasses.replace(self.movies, window=window))
        super().__post_init__()

    @property
    def model_name(self) -> str:
        """What the model is called: by its parts, and by those that its members have in turn."""
        stages = self.stages
        if stages.distil and not stages.student_like_members:
            return dataclasses.replace(self.architecture, **stages.parts_of_student()).name
        if not stages.n_turns:
            return self.architecture.name
        differing = range(min(self.n_members, stages.n_turns))
        turns = [stages.parts_of_member(index).values() for index in differing]
        named = dict.fromkeys("+".join(Part.parse(p).name for p in turn) for turn in turns)
        role = "student of" if stages.distil else "members"
        return f"{self.architecture.model}, {role} {', '.join(named)}"

    @property
    def n_members(self) -> int:
        """How many members an ensemble has; 0 of a single model."""
        folds = 0 if self.subset.fold else self.subset.folds or 0
        return len(self.stages.member_seeds(self.seed)) or folds

    def train_trials_of(self, mouse: "Mouse") -> "Trials | MovieTrials":
        """Returns the trials of a mouse that are trained on, of movies those that are long enough.

        Raises:
            SensoriumError: If it has too few.
        """
        trials = self.subset.train_trials_of(mouse)
        return trials.windows(self.movies.window) if self.has_time else trials

    def n_train_trials_of(self, mouse: "Mouse") -> int:
        """Returns how many these are; raises SensoriumError if it has too few."""
        if self.has_time:
            return len(self.train_trials_of(mouse))
        return self.subset.n_train_trials_of(mouse)

    def check_frames(self, lost: int) -> None:
        """Raises SensoriumError if movies are trained on or scored where a model gives no rates.

        Args:
            lost: So many frames at the start of each movie, or window, have none.
        """
        if self.movies.window <= lost:
            raise SensoriumError(
                f"window {self.movies.window}: the model gives no rates for the first {lost} "
                f"frames: use --window={lost + 1} or more"
            )
        if lost > (skip := self.benchmark.skip_frames):
            raise SensoriumError(
                f"the model gives no rates for the first {lost} frames, but all after the first "
                f"{skip} are scored: choose a core that loses fewer"
            )

    def describe(self) -> str:
        """Returns in one line which trials and signals the run uses."""
        parts = [f"recipe {self.recipe}"]
        if self.init_from is not None:
            kept = ", core frozen" if self.freeze_core else ""
            parts.append(f"from the weights of {self.init_from}{kept}")
        if teacher := self.distillation.distil_from:
            parts.append(f"learning from the rates of {teacher} as well")
        if self.has_time:
            parts.append(f"windows of {self.movies.window} frames")
            if self.movies.statistics != POOLED:
                parts.append(f"{self.movies.statistics} statistics".replace("_", "-"))
        parts += self.stages.describe(self.seed)
        chosen = self.subset.describe()
        # What a custom model is given is known once it has been built.
        signals = ""
        if self.architecture.model in PRESETS:
            signals = f" ({', '.join(self.signals).replace('_', ' ')})"
        return (
            f"training {self.model_name} on {', '.join(self.mice)}"
            f"{f' ({chosen})' if chosen else ''}, track {self.track}{signals}; tier "
            f"{' and '.join(self.subset.fitted_tiers)}, weights chosen by the score on "
            f"{'' if self.subset.folds else 'tier '}{self.subset.chooser}; {'; '.join(parts)}"
        )

    @classmethod
    def flat(cls, **values: Any) -> Self:
        """Returns settings from values of all kinds side by side, as people type them.

        Args:
            **values: Attributes of this class and of the settings in it; `mice` may be one string,
                names joined by commas.

        Raises:
            SensoriumError: If there is no such setting, or a value is not possible.
        """
        check_names(values, flat_fields(cls), "setting")
        return from_flat(cls, values)


def chosen_by_recipes() -> list[str]:
    """Returns the settings that a recipe chooses where the user says nothing."""
    fields = flat_fields(TrainingSettings).items()
    return [n for n, (_, field) in fields if field.default is None and n not in _OF_CHALLENGE]
