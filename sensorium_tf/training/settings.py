"""All that decides a training run, as one value that can be written down and compared."""

import dataclasses
import math
from typing import Any

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import BASELINES, BaselineSettings
from sensorium_tf.tracks import check_track, describe_signals
from sensorium_tf.training.schedule import ScheduleSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """What to train, on what, and how; the defaults are the published recipe.

    The recipe (arXiv 2206.08666): a step takes one batch of every mouse, each passing the core by
    itself, and sums their losses; Adam; the validation score decides the rest, see `Schedule`.

    Attributes:
      mice: names of prepared mice.
      track: `sensorium` or `sensorium_plus`.
      model: `cnn` or `ln`.
      epochs: at most so many passes over the mouse with the most batches.
      batch_size: trials of each mouse in a step.
      learning_rate: of Adam, at the start.
      seed: of the weights, the order of trials and the readouts' sampling.
      init_from: model file (`.keras`) to start from: its core, and its readouts of the same
        neurons; None to start from random weights.
      freeze_core: whether the core stays as it is in `init_from`, statistics of its batch
        normalisation included.
      architecture: the baseline's hyperparameters.
      schedule: when to cut the learning rate and when to stop.

    Raises:
      SensoriumError: if a value is not possible.
    """

    mice: tuple[str, ...] = ("simulated",)
    track: str = "sensorium"
    model: str = "cnn"
    epochs: int = 200
    batch_size: int = 128
    learning_rate: float = 0.009
    seed: int = 0
    init_from: str | None = None
    freeze_core: bool = False
    architecture: BaselineSettings = dataclasses.field(default_factory=BaselineSettings)
    schedule: ScheduleSettings = dataclasses.field(default_factory=ScheduleSettings)

    def __post_init__(self):
        check_track(self.track)
        if not self.mice:
            raise SensoriumError("mice: expected at least one mouse")
        if self.model not in BASELINES:
            raise SensoriumError(
                f"model {self.model!r}: unknown, expected {' or '.join(BASELINES)}"
            )
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise SensoriumError(f"{name} {getattr(self, name)}: expected at least 1")
        if not 0 < self.learning_rate < math.inf:
            raise SensoriumError(f"learning_rate {self.learning_rate}: expected more than 0")
        if self.seed < 0:
            raise SensoriumError(f"seed {self.seed}: expected 0 or more")
        if self.freeze_core and self.init_from is None:
            raise SensoriumError("freeze_core: goes with init_from: a random core cannot be frozen")

    def describe(self) -> str:
        """Returns in one line which trials and signals the run uses."""
        signals = describe_signals(self.track, pupil_center=self.architecture.shifter)
        start = ""
        if self.init_from is not None:
            kept = ", core frozen" if self.freeze_core else ""
            start = f"; from the weights of {self.init_from}{kept}"
        return (
            f"training {self.model} on {', '.join(self.mice)}, track {self.track} "
            f"({signals}); tier train, chosen by tier validation{start}"
        )

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
            mice = values["mice"]
            if not isinstance(mice, list) or not all(isinstance(name, str) for name in mice):
                raise TypeError("mice is not a list of names")
            return cls(
                **{
                    **values,
                    "mice": tuple(values["mice"]),
                    "architecture": BaselineSettings(**values["architecture"]),
                    "schedule": ScheduleSettings(**values["schedule"]),
                }
            )
        except (KeyError, TypeError) as e:
            raise SensoriumError(f"not the settings of a training run ({e!r})") from e
