"""Scores of a run's weights, on the trials that choose them."""

from collections.abc import Callable, Mapping

import numpy as np

from sensorium_tf.data import Mouse, Trials
from sensorium_tf.errors import SensoriumError
from sensorium_tf.metrics import single_trial_correlation
from sensorium_tf.models import FiringRateModel
from sensorium_tf.runs import Predictor
from sensorium_tf.training.callbacks import SCORE, EpochView


class Validation:
    """Scores a model whose weights change.

    Args:
        model: Of the run.
        mice: Name to mouse.
        trained: Mouse to the trials to train on.
        chosen_by: Mouse to the trials that choose weights.
        tier: What these are called.
        agreed: Returns the value of the process that decides, of one on every process.
        remedy: What to do if rates are not finite.

    Attributes:
        tier: As above.
    """

    def __init__(
        self,
        model: FiringRateModel,
        mice: Mapping[str, Mouse],
        *,
        trained: Mapping[str, Trials],
        chosen_by: Mapping[str, Trials],
        tier: str,
        agreed: Callable[[float], float],
        remedy: str,
    ):
        self.tier = tier
        self._model, self._mice = model, mice
        self._agreed, self._remedy = agreed, remedy
        self._trained, self._chosen_by = trained, chosen_by
        self._predictors = {name: Predictor(model, name) for name in chosen_by}

    def __call__(self, epoch: int, *, watch: Callable[[EpochView], None]) -> dict[str, float]:
        """Returns the score over the neurons of all mice, and of each mouse.

        Args:
            epoch: 0 for the untrained weights.
            watch: Is shown the rates.

        Raises:
            SensoriumError: If a rate is infinite or NaN.
        """
        correlations, rates, responses = {}, {}, {}
        for mouse in self._chosen_by:
            correlations[mouse], rates[mouse], responses[mouse] = self._scored(mouse, epoch)
        watch(
            EpochView(
                epoch=epoch,
                model=self._model,
                mice=self._mice,
                trials=self._chosen_by,
                rates=rates,
                responses=responses,
                correlations=correlations,
                tier=self.tier,
                correlations_in_training=self._correlations_in_training,
            )
        )
        scores = {f"validation/{mouse}": float(c.mean()) for mouse, c in correlations.items()}
        pooled = np.concatenate(list(correlations.values()))
        return {SCORE: self._agreed(float(pooled.mean())), **scores}

    def _scored(self, mouse: str, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns a mouse's correlations, and the rates and responses that are shown."""
        trials = self._chosen_by[mouse]
        found = self._predictors[mouse](trials)
        if not np.isfinite(found).all():
            if epoch == 0:
                raise SensoriumError(f"the rates of {mouse} are infinite or NaN from the start")
            raise SensoriumError(
                f"the rates of {mouse} became infinite or NaN in epoch {epoch}: {self._remedy}"
            )
        rows = trials.rows()
        correlations = single_trial_correlation(rows.responses, found)
        return correlations, rows.shown(found), rows.shown(rows.responses)

    def _correlations_in_training(self) -> dict[str, np.ndarray]:
        correlations = {}
        for mouse, trials in self._trained.items():
            n_trials = min(len(trials), len(self._chosen_by[mouse]))
            some = trials.take(np.linspace(0, len(trials) - 1, n_trials).astype(int))
            rates = self._predictors[mouse](some)
            correlations[mouse] = single_trial_correlation(some.rows().responses, rates)
        return correlations
