"""Runs that find nothing better than where they start, for tests of what comes after training."""

from unittest import mock

import keras
import numpy as np

from sensorium_tf.training import Steps, train_run
from sensorium_tf.training.schedules import Decision, PlateauSchedule
from sensorium_tf.training.totals import StepTotals


def untrained_run(settings, folder, *, verbose=False, **options):
    """As `train_run`, without the seconds in which TensorFlow traces a step.

    The best weights are the first ones, and the last ones are others.
    """
    with untraced_steps(), mock.patch.object(PlateauSchedule, "update", _no_gain):
        return train_run(settings, folder, verbose=verbose, **options)


def untraced_steps():
    """Steps that move all weights a little, in no time, while the block runs."""
    return mock.patch.object(Steps, "__call__", _move)


def check_best(model, folder):
    """Checks that a model has the best weights of a run, and that the last ones are others."""
    newest = max((folder / "checkpoints").glob("*.npz"))
    places = {id(variable): place for place, variable in enumerate(model.variables)}
    with np.load(newest) as arrays:
        best = [arrays[f"best/{i}"] for i in range(len(model.weights))]
        last = [arrays[f"variable/{places[id(weight)]}"] for weight in model.weights]
    assert all(map(np.array_equal, model.get_weights(), best))
    assert not all(map(np.array_equal, last, best))


def counted_steps():
    """As `untraced_steps`, but they take their batches, which the loss and each update tell."""
    return mock.patch.object(Steps, "__call__", _count)


def _move(self, iterator, *, learning_rates, n_trials, stop=False):
    model = self._model
    for weight in model.trainable_variables:
        weight.assign(weight + 0.01)
    self._update_averages()
    return _totals(model, np.zeros(len(model.mice)), stop)


def _count(self, iterator, *, learning_rates, n_trials, stop=False):
    model, poisson = self._model, np.zeros(len(self._model.mice))
    weights = model.trainable_variables
    for learning_rate, counts in zip(learning_rates, n_trials, strict=True):
        _, responses = next(iterator)
        losses = [keras.ops.mean(responses[mouse]) for mouse in model.mice]
        model.optimizer.learning_rate.assign(learning_rate)
        model.optimizer.apply([keras.ops.full(each.shape, losses[0]) for each in weights], weights)
        poisson += np.multiply(counts, losses)
    return _totals(model, poisson, stop)


def _totals(model, poisson, stop):
    penalties = np.zeros(len(model.penalties()))
    return StepTotals(poisson=poisson, penalties=penalties, stopped=stop, bad=None)


def _no_gain(self, score):
    first = self.best_score == -np.inf
    if first:
        self.best_score = score
    return Decision(improved=first, restore_best=False, stop=False)
