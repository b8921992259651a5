"""What a finished run comes to."""

import dataclasses
from pathlib import Path

from sensorium_tf.models import FiringRateModel


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What a finished run comes to.

    Attributes:
        model: With the best weights.
        model_file: Where it is.
        epochs: The lines of `metrics.jsonl`.
        best_score: Single-trial correlation of the best weights on the tier that chose them, mean
            over the neurons of all mice.
        tier: That tier, or the fold, such as `validation`.
    """

    model: FiringRateModel
    model_file: Path
    epochs: list[dict[str, float]]
    best_score: float
    tier: str
