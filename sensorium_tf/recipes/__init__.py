"""How to train: each recipe is a file of this folder, or of a custom module."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any

from sensorium_tf.challenges import DEFAULT
from sensorium_tf.config import Config, setting
from sensorium_tf.errors import SensoriumError

__all__ = ["SCHEDULES", "Recipe"]

#: Schedule, as recipes name it, to the settings that it follows.
SCHEDULES = types.MappingProxyType(
    {
        "plateau": (
            "patience",
            "restarts",
            "decay_patience",
            "decay_factor",
            "learning_rate_floor",
            "smallest_gain",
        ),
        "warmup_stable_decay": ("warmup_epochs", "cooldown_epochs"),
    }
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe(Config):
    """A way to train, under a name that `--recipe` takes.

    Example:
        >>> from sensorium_tf.recipes import Recipe
        >>> from sensorium_tf.registry import RECIPES
        >>> quick = RECIPES.register("quick")(
        ...     Recipe(
        ...         doc="Three epochs, to see whether a model learns at all.",
        ...         schedule="warmup_stable_decay",
        ...         values={"epochs": 3, "batch_size": 8, "learning_rate": 0.005},
        ...     )
        ... )

    Raises:
        SensoriumError: If a value is missing or not possible.
    """

    doc: str = setting(dataclasses.MISSING, "What it does, in a sentence.")
    schedule: str = setting(
        dataclasses.MISSING,
        "`plateau` or `warmup_stable_decay`, see `training.schedules`.",
        choices=tuple(SCHEDULES),
    )
    values: dict = setting(
        dataclasses.MISSING,
        "Settings where the user says nothing: `epochs`, `batch_size` and `learning_rate`, and "
        "perhaps others of `settings.TrainingSettings` whose default is None: parts of the model "
        "(in the place of the default model's) and stages as well.",
    )
    of_challenges: dict | None = setting(
        None, "Challenge to the values that are others there, such as a batch size for movies."
    )
    of_tracks: dict | None = setting(
        None, "Track to further values there, such as a modulator for `sensorium_plus`."
    )
    balance_batch_size: int | None = setting(
        None,
        "The loss of a batch grows with the root of its size, the penalties do not; at any batch "
        "size both weigh as they would at this one. None for no such balance.",
        at_least=1,
    )
    joint_core: bool = setting(True, "Whether all mice may pass the core in one batch.")

    def __post_init__(self):
        super().__post_init__()
        for name in ("epochs", "batch_size", "learning_rate"):
            if self.values.get(name) is None:
                raise SensoriumError(f"values of a recipe: expected {name} among them")
        for name in ("of_challenges", "of_tracks"):
            others = types.MappingProxyType(getattr(self, name) or {})
            object.__setattr__(self, name, others)
            for where, values in others.items():
                if not isinstance(values, Mapping):
                    raise SensoriumError(f"{name} {where}: expected values by name")
        object.__setattr__(self, "values", types.MappingProxyType(self.values))

    def of_track(self, track: str, challenge: str = DEFAULT.name) -> dict[str, Any]:
        """Returns the values on a track of a challenge."""
        return {
            **self.values,
            **self.of_challenges.get(challenge, {}),
            **self.of_tracks.get(track, {}),
        }

    @property
    def scheduled(self) -> tuple[str, ...]:
        """The settings that its schedule follows."""
        return SCHEDULES[self.schedule]

    @property
    def ramps(self) -> bool:
        """Whether the learning rate falls to zero at an epoch that is known before."""
        return "cooldown_epochs" in self.scheduled
