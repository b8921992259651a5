"""How the learning rate changes, and how the devices compute: settings of a run."""

import dataclasses
from typing import Self

from sensorium_tf.config import Config, setting
from sensorium_tf.errors import SensoriumError


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

    def with_ramps(self, epochs: int) -> Self:
        """Returns settings whose ramps of the learning rate fit into so many epochs.

        Args:
            epochs: Of the whole run.

        Raises:
            SensoriumError: If those that are given do not.
        """
        warmup, cooldown = self.warmup_epochs or 0.0, self.cooldown_epochs
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
        return dataclasses.replace(self, warmup_epochs=warmup, cooldown_epochs=cooldown)

    def scaled(self, share: float) -> Self:
        """Returns settings whose ramps take a share of the epochs that they take now."""
        ramps = ("warmup_epochs", "cooldown_epochs")
        epochs = {name: getattr(self, name) for name in ramps}
        return dataclasses.replace(
            self, **{name: each * share for name, each in epochs.items() if each is not None}
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
