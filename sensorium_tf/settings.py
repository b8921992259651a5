"""All that decides a training run, as one value that can be written down and compared."""

import dataclasses
from typing import TYPE_CHECKING, Any, Self

from sensorium_tf.challenges import CHALLENGES, DEFAULT, Challenge
from sensorium_tf.config import (
    Config,
    check_names,
    flat_fields,
    from_flat,
    setting,
    with_defaults,
)
from sensorium_tf.data.movie_trials import WINDOW
from sensorium_tf.data.names import mouse_names
from sensorium_tf.data.subset import Subset
from sensorium_tf.models.settings import PRESETS, ModelSettings
from sensorium_tf.movie_settings import MovieSettings
from sensorium_tf.recipes import Recipe
from sensorium_tf.registry import RECIPES
from sensorium_tf.schedule_settings import DeviceSettings, ScheduleSettings
from sensorium_tf.settings_checks import check_together
from sensorium_tf.specs import Track
from sensorium_tf.stages import DistillationSettings, StageSettings

if TYPE_CHECKING:
    from sensorium_tf.data import Mouse, MovieTrials, Trials

#: Suffixes of figures; the first is what is written unless somebody chooses another.
FIGURE_FORMATS = ("png", "pdf", "svg")
#: Where a run can compute, see `training.make_strategy`.
STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker")

# Settings that the challenge chooses where the user says nothing.
_OF_CHALLENGE = ("track", "validation_tier")
# What behavior is divided by, to its transform.
_BEHAVIOR_SCALES = {"std": "scale", "range": "range", "maximum": "maximum"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings(Config):
    """What to train, on what, and how; the defaults are the published recipe.

    A step takes one batch of every mouse and sums their losses; the recipe, a file of
    `sensorium_tf/recipes`, says what is None here.

    Raises:
        SensoriumError: If a value is not possible, or one does not go with another.
    """

    title = "optimisation"

    mice: tuple[str, ...] = setting(
        ("simulated",), "Names of prepared mice, such as mouse1,mouse3.", essential=True
    )
    challenge: str = setting(
        DEFAULT.name,
        "Benchmark whose mice these are: of images, or of movies.",
        choices=tuple(CHALLENGES),
        essential=True,
    )
    track: str | None = setting(
        None,
        "Of the challenge, its first if left out. sensorium: image only; sensorium_plus: image, "
        "behavior and pupil center; main and bonus: video, behavior and pupil center.",
        choices=tuple(name for each in CHALLENGES.values() for name in each.tracks),
        essential=True,
    )
    architecture: ModelSettings = setting(ModelSettings(), "The model's parts.")
    recipe: str = setting(
        "published", "How to train.", choices=lambda: RECIPES.names(), essential=True
    )
    seed: int = setting(
        0,
        "Of the weights, the order of trials and the readouts' sampling.",
        at_least=0,
        essential=True,
    )
    epochs: int | None = setting(
        None,
        "At most so many passes over the mouse with the most batches.",
        at_least=1,
        essential=True,
    )
    batch_size: int | None = setting(
        None, "Trials of each mouse in a step, on all devices together.", at_least=1, essential=True
    )
    learning_rate: float | None = setting(None, "Of Adam, at its highest.", above=0, essential=True)
    init_from: str | None = setting(
        None,
        "Model file (.keras) to start from: its core, and its readouts of neurons that are known "
        "to be the same, by their places in cortex or by the run in whose workdir the file is.",
        essential=True,
    )
    channels: tuple[str, ...] | None = setting(
        None,
        "Signals that are stacked to the image input, image first, instead of the track's: image, "
        "centred_image, sobel_image and, where the track allows it, signals of the recording.",
    )
    behavior_scale: str = setting(
        "std",
        "What each behavior is divided by: its standard deviation; its range, so that it lies in "
        "0 to 1; or its largest absolute value.",
        choices=tuple(_BEHAVIOR_SCALES),
    )
    past_tiers: tuple[str, ...] = setting(
        (),
        "Tiers whose responses a model that takes past responses may know, such as one with "
        "--modulator=history; none for train and validation.",
    )
    image_size: str | None = setting(
        None,
        "Height x width of the images that the model is given, such as 144x256: the recorded size, "
        "or that divided by a whole number; None for the challenge's.",
    )
    freeze_core: bool = setting(
        False,
        "Whether the core stays as it is in init_from, statistics of its batch normalisation "
        "included.",
    )
    joint_core: bool = setting(
        False, "Whether all mice pass the core in one batch; not every recipe can."
    )
    mean_bias: bool | None = setting(
        None,
        "Whether each neuron's rate starts at its mean response over the training trials, not at "
        "1.",
    )
    correlation_weight: float | None = setting(
        None,
        "Weight of 1 less each neuron's correlation over the batch, beside its Poisson loss; 0 for "
        "none.",
        at_least=0,
    )
    clip_norm: float | None = setting(
        None, "Largest norm of all gradients together; None for no limit.", above=0
    )
    ema_decay: float | None = setting(
        None,
        "Decay of the moving average of the weights, after each step, which is scored and kept in "
        "their place; 0 for none.",
        at_least=0,
        below=1,
    )
    weight_decay: float | None = setting(
        None, "What each step takes off the weights, as a share of the learning rate.", at_least=0
    )
    movies: MovieSettings = setting(MovieSettings(), "How movies are trained on.")
    schedule: ScheduleSettings = setting(
        ScheduleSettings(), "When to change the learning rate and when to stop."
    )
    stages: StageSettings = setting(StageSettings(), "What there is beside one run.")
    distillation: DistillationSettings = setting(
        DistillationSettings(), "What is learnt from another model."
    )
    subset: Subset = setting(Subset(), "The neurons and trials that are used.")
    devices: DeviceSettings = setting(DeviceSettings(), "How the devices compute.")

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

    @property
    def how(self) -> Recipe:
        """The recipe that is followed."""
        return RECIPES[self.recipe]

    @property
    def benchmark(self) -> Challenge:
        """The challenge whose mice these are."""
        return CHALLENGES[self.challenge]

    @property
    def has_time(self) -> bool:
        """Whether it is movies that are trained on."""
        return self.benchmark.recording.has_time

    def _take_from_challenge(self) -> None:
        """Puts what the challenge says in the place of None."""
        track = self.track or self.benchmark.default_track
        object.__setattr__(self, "track", self.benchmark.track(track).name)
        object.__setattr__(self, "subset", self.subset.of_challenge(self.benchmark))

    def _take_from_recipe(self) -> None:
        """Puts what the recipe says in the place of None."""
        values = self.how.of_track(self.track, self.challenge)
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
    def signals(self) -> tuple[str, ...]:
        """The signals that a preset's model is given; a custom one may take fewer extras."""
        return tuple(dict.fromkeys((*(self.channels or self.rules.channels), *self.extras)))

    @property
    def extras(self) -> tuple[str, ...]:
        """Those of them that are given beside the image, not stacked to it."""
        return self.architecture.extras(self.rules)

    @property
    def transforms(self) -> dict[str, str]:
        """Context signal to its transform, where it is not the challenge's."""
        return transforms_of(self.behavior_scale)

    @property
    def rules(self) -> Track:
        """What the track allows."""
        return self.benchmark.track(self.track)

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
        parts += self.stages.describe(self.seed)
        chosen = self.subset.describe()
        # What a custom model is given is known once it has been built.
        signals = ""
        if self.architecture.model in PRESETS:
            signals = f" ({', '.join(self.signals).replace('_', ' ')})"
        return (
            f"training {self.architecture.name} on {', '.join(self.mice)}"
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


def transforms_of(behavior_scale: str) -> dict[str, str]:
    """Returns the transforms of `TrainingSettings.transforms` for a setting `behavior_scale`."""
    check_names([behavior_scale], _BEHAVIOR_SCALES, "behavior_scale")
    return {} if behavior_scale == "std" else {"behavior": _BEHAVIOR_SCALES[behavior_scale]}


def chosen_by_recipes() -> list[str]:
    """Returns the settings that a recipe chooses where the user says nothing."""
    fields = flat_fields(TrainingSettings).items()
    return [n for n, (_, field) in fields if field.default is None and n not in _OF_CHALLENGE]
