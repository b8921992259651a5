"""Runs whose steps change no weight, for tests of what comes after training."""

from unittest import mock

import numpy as np

from sensorium_tf.training import Steps, train_run
from sensorium_tf.training.totals import StepTotals


def untrained_run(settings, folder, **options):
    """As `train_run`, without the seconds in which TensorFlow traces a step."""
    with mock.patch.object(Steps, "__call__", _stay):
        return train_run(settings, folder, verbose=False, **options)


def _stay(self, iterator, *, learning_rates, n_trials, stop=False):
    model = self._model
    return StepTotals(
        poisson=np.zeros(len(model.mice)),
        penalties=np.zeros(len(model.penalties())),
        stopped=stop,
        bad=None,
    )
