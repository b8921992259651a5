"""All that decides a training run, as one value that can be written down and compared."""

import dataclasses
import difflib
import types
from typing import Any

from sensorium_tf.data import Subset, mouse_names
from sensorium_tf.errors import SensoriumError
from sensorium_tf.kinds import check_kinds
from sensorium_tf.models.settings import PRESETS, ModelSettings
from sensorium_tf.tracks import check_track
from sensorium_tf.training.schedule import ScheduleSettings
from sensorium_tf.training.uses import Uses

#: Recipe to what it says where the user says nothing.
RECIPES = types.MappingProxyType(
    {
        "published": {
            "epochs": 200,
            "batch_size": 128,
            "learning_rate": 0.009,
            "average_decay": 0.0,
            "mean_bias": False,
        },
        "fast": {
            "epochs": 22,
            "batch_size": 8,
            "learning_rate": 0.005,
            "average_decay": 0.99,
            "mean_bias": True,
        },
    }
)

# Attributes of the settings that are settings themselves.
_GROUPS = types.MappingProxyType(
    {"architecture": ModelSettings, "schedule": ScheduleSettings, "subset": Subset}
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """What to train, on what, and how; the defaults are the published recipe.

    The published recipe (arXiv 2206.08666): a step takes one batch of every mouse, each passing
    the core by itself, and sums their losses; Adam; the validation score decides the rest, see
    `Schedule`. The recipe `fast` starts each neuron at its mean response, takes many small steps at
    a learning rate that rises for one epoch, stays, and falls in a line to zero, and ends after a
    fixed number of epochs.

    Attributes:
      mice: names of prepared mice.
      track: `sensorium` or `sensorium_plus`.
      model: `cnn`, `ln`, or `package.module:function` for a custom model, see
        `models.build`.
      recipe: `published` or `fast`, which says what is None below.
      epochs: at most so many passes over the mouse with the most batches.
      batch_size: trials of each mouse in a step, on all devices together.
      learning_rate: of Adam, at its highest.
      warmup_epochs: of `fast`: epochs in which the learning rate rises.
      cooldown_epochs: of `fast`: the last epochs, in which the learning rate falls; half of all if
        left out.
      mean_bias: whether each neuron's rate starts at its mean response over the training trials,
        instead of at 1; left out, it does in `fast` alone.
      gradient_clip: largest norm of all gradients together; None for no limit.
      average_decay: of the exponential moving average of the weights, after each step, which is
        scored and kept in their place; 0 for none, which is what `published` says.
      joint_core: of `fast`: whether all mice pass the core in one batch.
      seed: of the weights, the order of trials and the readouts' sampling.
      deterministic: whether every operation must give the same bits each time, at some cost.
      mixed_precision: whether to compute in bfloat16 (weights stay in float32); on a CPU that takes
        longer than float32.
      init_from: model file (`.keras`) to start from: its core, and its readouts of neurons that are
        known to be the same, by their places in cortex or by the run in whose workdir the file is;
        None to start from random weights.
      freeze_core: whether the core stays as it is in `init_from`, statistics of its batch
        normalisation included.
      architecture: the model's parts and their options.
      schedule: when to cut the learning rate and when to stop, in the published recipe.
      subset: the neurons and trials that are used.

    Raises:
      SensoriumError: if a value is not possible, or one does not go with another.
    """

    mice: tuple[str, ...] = ("simulated",)
    track: str = "sensorium"
    model: str = "cnn"
    recipe: str = "published"
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    warmup_epochs: float = 1.0
    cooldown_epochs: float | None = None
    mean_bias: bool | None = None
    gradient_clip: float | None = None
    average_decay: float | None = None
    joint_core: bool = False
    seed: int = 0
    deterministic: bool = False
    mixed_precision: bool = False
    init_from: str | None = None
    freeze_core: bool = False
    architecture: ModelSettings = dataclasses.field(default_factory=ModelSettings)
    schedule: ScheduleSettings = dataclasses.field(default_factory=ScheduleSettings)
    subset: Subset = dataclasses.field(default_factory=Subset)

    def __post_init__(self):
        check_kinds(self)
        if self.recipe not in RECIPES:
            raise SensoriumError(
                f"recipe {self.recipe!r}: unknown, expected {' or '.join(RECIPES)}"
            )
        for name, value in RECIPES[self.recipe].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        check_track(self.track)
        if not self.mice:
            raise SensoriumError("mice: expected at least one mouse")
        object.__setattr__(
            self, "architecture", dataclasses.replace(self.architecture, model=self.model)
        )
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise SensoriumError(f"{name} {getattr(self, name)}: expected at least 1")
        for name in ("learning_rate", "gradient_clip"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise SensoriumError(f"{name} {value}: expected more than 0")
        self._check_ramps()
        if not 0 <= self.average_decay < 1:
            raise SensoriumError(
                f"average_decay {self.average_decay}: expected 0 (no average) or a number below 1"
            )
        if self.seed < 0:
            raise SensoriumError(f"seed {self.seed}: expected 0 or more")
        self._check_together()

    def _check_ramps(self) -> None:
        """Refuses ramps of the learning rate that do not fit into the run."""
        if not 0 <= self.warmup_epochs <= self.epochs:
            raise SensoriumError(
                f"warmup_epochs {self.warmup_epochs}: expected 0 to the number of epochs, "
                f"{self.epochs}"
            )
        if self.recipe == "published":
            return
        left = self.epochs - self.warmup_epochs
        if self.cooldown_epochs is None:
            object.__setattr__(self, "cooldown_epochs", min(self.epochs / 2, left))
        if not 0 <= self.cooldown_epochs <= left:
            raise SensoriumError(
                f"cooldown_epochs {self.cooldown_epochs}: expected 0 to the {left:g} epochs after "
                "the warm-up"
            )

    def _check_together(self) -> None:
        """Refuses what does not go together."""
        if self.recipe == "published":
            for name in ("joint_core", "warmup_epochs", "cooldown_epochs"):
                default = type(self).__dataclass_fields__[name].default
                if getattr(self, name) != default:
                    raise SensoriumError(f"{name}: goes with the recipe fast alone")
        elif self.schedule != ScheduleSettings():
            raise SensoriumError(
                "patience, restarts, decay and the learning rate's floor go with the recipe "
                "published alone"
            )
        if self.freeze_core and self.init_from is None:
            raise SensoriumError("freeze_core: goes with init_from: a random core cannot be frozen")
        if self.track != "sensorium_plus" and self.architecture.shifter_wanted:
            raise SensoriumError(
                f"{self.architecture.shifter_wanted}: this model has no shifter, which goes with "
                "track sensorium_plus"
            )

    @property
    def uses(self) -> Uses:
        """The signals and trials that the run uses."""
        return Uses(
            mice=self.mice,
            subset=self.subset.describe(),
            track=self.track,
            pupil_center=self.track == "sensorium_plus" and self.architecture.shifter != "none",
            trained_on=self.subset.train_tiers,
            chosen_by=self.subset.validation_tier,
            neurons_chosen_by=self.subset.neurons_chosen_by,
            started_from=self.init_from,
        )

    def describe(self) -> str:
        """Returns in one line which trials and signals the run uses."""
        start = ""
        if self.init_from is not None:
            kept = ", core frozen" if self.freeze_core else ""
            start = f"; from the weights of {self.init_from}{kept}"
        chosen = self.subset.describe()
        # What a model of one's own is given is known once it has been built.
        signals = f" ({self.uses.signals})" if self.model in PRESETS else ""
        return (
            f"training {self.model} on {', '.join(self.mice)}{f' ({chosen})' if chosen else ''}, "
            f"track {self.track}{signals}; tier "
            f"{' and '.join(self.subset.train_tiers)}, weights chosen by the score on tier "
            f"{self.subset.validation_tier}; recipe {self.recipe}{start}"
        )

    @classmethod
    def flat(cls, **values: Any) -> "TrainingSettings":
        """Returns settings from values of all kinds side by side, as people type them.

        Args:
          **values: attributes of this class and of `ModelSettings`, `ScheduleSettings` and
            `Subset`; `mice` may be one string, names joined by commas.

        Raises:
          SensoriumError: if there is no such setting, or a value is not possible.
        """
        groups = {}
        for group, kind in _GROUPS.items():
            names = [field.name for field in dataclasses.fields(kind)]
            # The model is named beside its parts.
            own = [name for name in names if name in values and name != "model"]
            made = {name: values.pop(name) for name in own}
            if group == "architecture":
                made["model"] = values.get("model", "cnn")
            groups[group] = kind(**made)
        known = [field.name for field in dataclasses.fields(cls) if field.name not in _GROUPS]
        for name in values:
            if name not in known:
                every = [f.name for kind in _GROUPS.values() for f in dataclasses.fields(kind)]
                close = difflib.get_close_matches(name, [*known, *every], 1)
                hint = f", did you mean {close[0]}?" if close else ""
                raise SensoriumError(f"{name}: there is no such setting{hint}")
        if "mice" in values:
            values["mice"] = tuple(mouse_names(values["mice"]))
        return cls(**values, **groups)

    def to_json(self) -> dict[str, Any]:
        """Returns the settings as JSON values."""
        return {**dataclasses.asdict(self), "mice": list(self.mice)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "TrainingSettings":
        """Returns the settings that `to_json` described.

        Raises:
          SensoriumError: if they are not the settings of a run.
        """
        try:
            return cls(
                **{
                    **values,
                    "architecture": ModelSettings(**values["architecture"]),
                    "schedule": ScheduleSettings(**values["schedule"]),
                    # Runs of earlier versions have none.
                    "subset": Subset(**values.get("subset", {})),
                }
            )
        except (KeyError, TypeError) as e:
            raise SensoriumError(f"not the settings of a training run ({e!r})") from e
