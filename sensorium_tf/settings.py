"""All that decides a training run, as one value that can be written down and compared."""

import dataclasses
import json
from typing import Any, Self

from sensorium_tf.challenges import DEFAULT
from sensorium_tf.config import (
    Config,
    check_names,
    flat_fields,
    from_flat,
    setting,
    with_defaults,
)
from sensorium_tf.data.names import mouse_names
from sensorium_tf.data.subset import Subset
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.settings import PRESETS, ModelSettings
from sensorium_tf.recipes import SCHEDULES, Recipe
from sensorium_tf.registry import RECIPES
from sensorium_tf.specs import PAST_RESPONSES, Track

#: Suffixes of figures; the first is what is written unless somebody chooses another.
FIGURE_FORMATS = ("png", "pdf", "svg")
#: Where a run can compute, see `training.make_strategy`.
STRATEGIES = ("auto", "one_device", "mirrored", "multi_worker")

# What behavior is divided by, to its transform.
_BEHAVIOR_SCALES = {"std": "scale", "range": "range", "maximum": "maximum"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScheduleSettings(Config):
    """Settings of the schedules; those of the plateau are the published ones (arXiv 2206.08666)."""

    title = "schedule"

    patience: int = setting(
        5, "plateau: epochs in a row without gain after which the best weights return.", at_least=1
    )
    restarts: int = setting(
        3, "plateau: how often the best weights return; once more ends the run.", at_least=0
    )
    decay_patience: int = setting(
        5,
        "plateau: epochs in a row without gain that keep the learning rate; the next one cuts it.",
        at_least=1,
    )
    decay_factor: float = setting(
        0.3, "plateau: what a cut multiplies the learning rate by.", above=0, below=1
    )
    learning_rate_floor: float = setting(1e-4, "plateau: smallest learning rate.", at_least=0)
    smallest_gain: float = setting(
        1e-6, "plateau: a score that exceeds the best one by more than this is a gain.", at_least=0
    )
    warmup_epochs: float | None = setting(
        None,
        "warmup_stable_decay: the learning rate rises in these; None for the recipe's.",
        at_least=0,
    )
    cooldown_epochs: float | None = setting(
        None,
        "warmup_stable_decay: it falls to zero in the last so many; None for half of all.",
        at_least=0,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceSettings(Config):
    """How the devices compute."""

    title = "devices"

    deterministic: bool = setting(
        False, "Whether every operation gives the same bits each time, at some cost."
    )
    mixed_precision: bool = setting(
        False,
        "Whether to compute in bfloat16 (weights stay in float32); slower than float32 on a CPU.",
    )


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
    track: str = setting(
        "sensorium",
        "sensorium: image only; sensorium_plus: image, behavior and pupil center.",
        choices=tuple(DEFAULT.tracks),
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
    channels: tuple[str, ...] = setting(
        (),
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
    schedule: ScheduleSettings = setting(
        ScheduleSettings(), "When to change the learning rate and when to stop."
    )
    subset: Subset = setting(Subset(), "The neurons and trials that are used.")
    devices: DeviceSettings = setting(DeviceSettings(), "How the devices compute.")

    def __post_init__(self):
        super().__post_init__()
        object.__setattr__(self, "mice", tuple(mouse_names(",".join(self.mice))))
        self._take_from_recipe()
        self._check_schedule()
        self._check_together()

    @property
    def how(self) -> Recipe:
        """The recipe that is followed."""
        return RECIPES[self.recipe]

    def _take_from_recipe(self) -> None:
        """Puts what the recipe says in the place of None."""
        values = self.how.values
        check_names(values, _of_recipes(), f"setting that recipe {self.recipe} can choose")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Config):
                object.__setattr__(self, field.name, with_defaults(value, values))
            elif value is None:
                object.__setattr__(self, field.name, values.get(field.name))
        super().__post_init__()

    def _check_schedule(self) -> None:
        """Refuses settings of another schedule than the recipe's."""
        recipes = {name: RECIPES[name] for name in RECIPES.names()}
        for field in dataclasses.fields(self.schedule):
            fitting = [
                name for name, recipe in recipes.items() if field.name in SCHEDULES[recipe.schedule]
            ]
            changed = getattr(self.schedule, field.name) != field.default
            if changed and self.recipe not in fitting:
                raise SensoriumError(f"{field.name}: {_goes_with(fitting)}")
        if self.joint_core and not self.how.joint_core:
            fitting = [name for name, recipe in recipes.items() if recipe.joint_core]
            raise SensoriumError(f"joint_core: {_goes_with(fitting)}")
        if "cooldown_epochs" in SCHEDULES[self.how.schedule]:
            object.__setattr__(self, "schedule", _with_ramps(self.schedule, self.epochs))

    def _check_together(self) -> None:
        """Refuses what does not go together."""
        if self.freeze_core and self.init_from is None:
            raise SensoriumError("freeze_core: goes with init_from: a random core cannot be frozen")
        custom = self.architecture.function is not None
        for name, signal in (("past_tiers", PAST_RESPONSES), ("behavior_scale", "behavior")):
            default = TrainingSettings.__dataclass_fields__[name].default
            changed = getattr(self, name) != default
            if changed and signal not in self.signals and not (custom and self._rules.context):
                raise SensoriumError(
                    f"{name}: goes with a model that is given {signal.replace('_', ' ')}, but this "
                    f"one is given only {', '.join(self.signals).replace('_', ' ')}"
                )
        if (wanted := self.architecture.shifter_wanted) and not self._rules.context:
            tracks = [each.name for each in DEFAULT.tracks.values() if each.context]
            raise SensoriumError(
                f"{wanted}: this model has no shifter, which goes with track {' or '.join(tracks)}"
            )

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that a preset's model is given; a custom one may take fewer extras."""
        return tuple(dict.fromkeys((*(self.channels or self._rules.channels), *self.extras)))

    @property
    def extras(self) -> tuple[str, ...]:
        """Those of them that are given beside the image, not stacked to it."""
        return self.architecture.extras(self._rules)

    @property
    def transforms(self) -> dict[str, str]:
        """Context signal to its transform, where it is not the challenge's."""
        chosen = _BEHAVIOR_SCALES[self.behavior_scale]
        return {} if self.behavior_scale == "std" else {"behavior": chosen}

    @property
    def _rules(self) -> Track:
        return DEFAULT.track(self.track)

    def describe(self) -> str:
        """Returns in one line which trials and signals the run uses."""
        start = ""
        if self.init_from is not None:
            kept = ", core frozen" if self.freeze_core else ""
            start = f"; from the weights of {self.init_from}{kept}"
        chosen = self.subset.describe()
        # What a custom model is given is known once it has been built.
        signals = ""
        if self.architecture.model in PRESETS:
            signals = f" ({', '.join(self.signals).replace('_', ' ')})"
        return (
            f"training {self.architecture.name} on {', '.join(self.mice)}"
            f"{f' ({chosen})' if chosen else ''}, track {self.track}{signals}; tier "
            f"{' and '.join(self.subset.train_tiers)}, weights chosen by the score on tier "
            f"{self.subset.validation_tier}; recipe {self.recipe}{start}"
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


def by_recipe() -> dict[str, str]:
    """Returns what recipes say of the settings that they can choose, such as `fast: 22`."""
    recipes = {recipe: RECIPES[recipe].values for recipe in RECIPES.names()}
    return {
        name: ", ".join(
            f"{recipe}: {json.dumps(values[name])}"
            for recipe, values in recipes.items()
            if name in values
        )
        for name in _of_recipes()
    }


def _of_recipes() -> list[str]:
    """Returns the settings that a recipe chooses where the user says nothing."""
    fields = flat_fields(TrainingSettings).items()
    return [name for name, (_, field) in fields if field.default is None]


def _goes_with(recipes: list[str]) -> str:
    word = "recipe" if len(recipes) == 1 else "recipes"
    return f"goes with the {word} {' and '.join(recipes)} alone"


def _with_ramps(settings: ScheduleSettings, epochs: int) -> ScheduleSettings:
    """Returns settings whose ramps of the learning rate fit into so many epochs.

    Raises:
        SensoriumError: If those that are given do not.
    """
    warmup, cooldown = settings.warmup_epochs or 0.0, settings.cooldown_epochs
    if warmup > epochs:
        raise SensoriumError(
            f"warmup_epochs {warmup}: expected 0 to the number of epochs, {epochs}"
        )
    left = epochs - warmup
    if cooldown is None:
        cooldown = min(epochs / 2, left)
    if cooldown > left:
        raise SensoriumError(
            f"cooldown_epochs {cooldown}: expected 0 to the {left:g} epochs after the warm-up"
        )
    return dataclasses.replace(settings, warmup_epochs=warmup, cooldown_epochs=cooldown)
