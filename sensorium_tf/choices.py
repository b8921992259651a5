"""What there is to choose for a training run, with the defaults."""

import dataclasses

from sensorium_tf.challenges import CHALLENGES, DEFAULT, Challenge
from sensorium_tf.config import Config, check_names, setting
from sensorium_tf.data.subset import Subset
from sensorium_tf.models.settings import ModelSettings
from sensorium_tf.movie_settings import MovieSettings
from sensorium_tf.recipes import Recipe
from sensorium_tf.registry import RECIPES
from sensorium_tf.schedule_settings import DeviceSettings, ScheduleSettings
from sensorium_tf.specs import Track
from sensorium_tf.stages import DistillationSettings, StageSettings

# What behavior is divided by, to its transform.
_BEHAVIOR_SCALES = {"std": "scale", "range": "range", "maximum": "maximum"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingChoices(Config):
    """What was chosen for a run; None where the challenge or the recipe decides."""

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
        "or that divided by a whole number; recorded for the former, None for the challenge's.",
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

    @property
    def rules(self) -> Track:
        """What the track allows."""
        return self.benchmark.track(self.track)

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


def transforms_of(behavior_scale: str) -> dict[str, str]:
    """Returns the transforms of `TrainingSettings.transforms` for a setting `behavior_scale`."""
    check_names([behavior_scale], _BEHAVIOR_SCALES, "behavior_scale")
    return {} if behavior_scale == "std" else {"behavior": _BEHAVIOR_SCALES[behavior_scale]}
