"""How to train: each recipe is a file of this folder, or of a custom module."""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any

from sensorium_tf.errors import SensoriumError

__all__ = ["Recipe"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
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

    Attributes:
        doc: What it does, in a sentence.
        schedule: `plateau` or `warmup_stable_decay`, see `training.schedules`.
        values: Settings where the user says nothing: `epochs`, `batch_size` and `learning_rate`,
            and perhaps others of `settings.TrainingSettings` whose default is None.
        balance_batch_size: The loss of a batch grows with the root of its size, the penalties do
            not; at any batch size both weigh as they would at this one. None for no such balance.
        joint_core: Whether all mice may pass the core in one batch.

    Raises:
        SensoriumError: If a value is missing.
    """

    doc: str
    schedule: str
    values: Mapping[str, Any]
    balance_batch_size: int | None = None
    joint_core: bool = True

    def __post_init__(self):
        for name in ("epochs", "batch_size", "learning_rate"):
            if self.values.get(name) is None:
                raise SensoriumError(f"values of a recipe: expected {name} among them")
        object.__setattr__(self, "values", types.MappingProxyType(dict(self.values)))
