"""Training steps: several of them inside one compiled call, on any number of devices."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from sensorium_tf.models import FiringRateModel
from sensorium_tf.training.totals import BadStep, StepTotals


class Steps:
    """Takes training steps with a compiled model.

    A step is one batch of every mouse and one update. On several devices each has a share of the
    batch: losses and gradients are summed, which gives what one device gives with all of it.

    Args:
        model: Compiled with a loss for each mouse, made in the strategy's scope.
        strategy: Where to compute.
        clip_norm: Largest norm of all gradients together; None for no limit.
        ema_decay: Share of the old value in the moving average of the weights after each step;
            None for no average.

    Attributes:
        averages: The averaged weights, in the order of `model.weights`; empty without average.
    """

    def __init__(
        self,
        model: FiringRateModel,
        strategy: tf.distribute.Strategy,
        *,
        clip_norm: float | None = None,
        ema_decay: float | None = None,
    ):
        self._model = model
        self._strategy = strategy
        self._clip_norm = clip_norm
        self._ema_decay = ema_decay
        self.averages: list[tf.Variable] = []
        if ema_decay is not None:
            with strategy.scope():
                self.averages = [
                    tf.Variable(weight.value, trainable=False) for weight in model.weights
                ]
        self._compiled = tf.function(self._steps, autograph=False)

    def __call__(
        self,
        iterator,
        *,
        learning_rates: Sequence[float],
        n_trials: Sequence[Sequence[int]],
        stop: bool = False,
    ) -> StepTotals:
        """Takes one step for each learning rate.

        Args:
            iterator: Of a dataset that the strategy distributed.
            learning_rates: Of each step.
            n_trials: Trials of each mouse in each step, by which the totals are weighed.
            stop: Whether this process asks all of them to stop after these steps.
        """
        # Traced once, for any number of steps: the last call of an epoch may take fewer.
        take_steps = self._compiled.get_concrete_function(
            iterator,
            tf.TensorSpec((None,)),
            tf.TensorSpec((None, len(self._model.mice))),
            tf.TensorSpec(()),
        )
        poisson, penalties, stopped, bad, losses, gradients = take_steps(
            iterator,
            tf.constant(learning_rates, tf.float32),
            tf.constant(n_trials, tf.float32),
            tf.constant(float(stop)),
        )
        return StepTotals(
            poisson=poisson.numpy().astype(np.float64),
            penalties=penalties.numpy().astype(np.float64),
            stopped=float(stopped) > 0,
            bad=None if int(bad) < 0 else self._bad_step(int(bad), losses, gradients),
        )

    def _bad_step(self, index: int, losses, gradients) -> BadStep:
        """Returns the losses and gradients of a step with the names that they go by."""
        paths = [variable.path for variable in self._model.trainable_variables]
        return BadStep(
            index,
            dict(zip(self._model.mice, losses.numpy().tolist(), strict=True)),
            dict(zip(paths, gradients.numpy().tolist(), strict=True)),
        )

    def _steps(self, iterator, learning_rates, n_trials, stop):
        n_mice, n_weights = len(self._model.mice), len(self._model.trainable_variables)
        poisson, penalties = tf.zeros(n_mice), tf.zeros(len(self._model.penalties()))
        bad, bad_losses, bad_gradients = tf.constant(-1), tf.zeros(n_mice), tf.zeros(n_weights)

        def take(step, poisson, penalties, bad, bad_losses, bad_gradients):
            self._model.optimizer.learning_rate.assign(learning_rates[step])
            values = self._model.penalties()
            penalties += tf.reduce_sum(n_trials[step]) * tf.stack(list(values.values()))
            losses, gradients = self._strategy.run(self._replica_step, args=iterator.get_next())
            losses = self._strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
            gradients = self._strategy.reduce(tf.distribute.ReduceOp.SUM, gradients, axis=None)
            poisson += n_trials[step] * losses
            finite = tf.reduce_all(tf.math.is_finite(losses)) & tf.reduce_all(
                tf.math.is_finite(gradients)
            )
            first = ~finite & (bad < 0)
            self._update_averages()
            return (
                step + 1,
                poisson,
                penalties,
                tf.where(first, step, bad),
                tf.where(first, losses, bad_losses),
                tf.where(first, gradients, bad_gradients),
            )

        # A loop of TensorFlow's: AutoGraph, which could make one of Python's, takes seconds for it.
        n_steps = tf.shape(learning_rates)[0]
        _, poisson, penalties, bad, bad_losses, bad_gradients = tf.while_loop(
            lambda step, *_: step < n_steps,
            take,
            (tf.constant(0), poisson, penalties, bad, bad_losses, bad_gradients),
        )
        # Every process says whether it was asked to stop, so that all do after the same step.
        stopped = self._strategy.run(lambda: tf.identity(stop))
        stopped = self._strategy.reduce(tf.distribute.ReduceOp.SUM, stopped, axis=None)
        return poisson, penalties, stopped, bad, bad_losses, bad_gradients

    def _replica_step(self, inputs, responses):
        """Takes a step on one device; returns its losses and largest gradients."""
        losses, gradients = self._gradients(inputs, responses)
        largest = [
            tf.reduce_max(tf.where(tf.math.is_nan(each), float("inf"), tf.abs(each)))
            for each in gradients
        ]
        if self._clip_norm is not None:
            gradients = self._clip(gradients)
        self._model.optimizer.apply(gradients, self._model.trainable_variables)
        return tf.stack([losses[mouse] for mouse in self._model.mice]), tf.stack(largest)

    def _gradients(self, inputs, responses):
        """Returns the mice's losses and a device's share of the gradients of all that is paid."""
        model = self._model
        variables = [variable.value for variable in model.trainable_variables]
        with tf.GradientTape() as tape:
            penalty = tf.add_n(list(model.penalties().values()))
            share = penalty / self._strategy.num_replicas_in_sync
        parts, losses = [tape.gradient(share, variables)], {}
        for mice in [model.mice] if model.joint_core else [(mouse,) for mouse in model.mice]:
            # One after another: a mouse's feature maps are gone before the next one's are made.
            with tf.control_dependencies([each for each in parts[-1] if each is not None]):
                with tf.GradientTape() as tape:
                    rates = model({mouse: inputs[mouse] for mouse in mice}, training=True)
                    for mouse in mice:
                        losses[mouse] = model.loss[mouse](responses[mouse], rates[mouse])
                    loss = tf.add_n([losses[mouse] for mouse in mice])
                parts.append(tape.gradient(loss, variables))
        return losses, [
            tf.add_n([tf.zeros_like(variable), *(each for each in of_weight if each is not None)])
            for variable, *of_weight in zip(variables, *parts, strict=True)
        ]

    def _clip(self, gradients):
        """Scales a device's share of the gradients by what their sum over devices needs."""
        context = tf.distribute.get_replica_context()
        summed = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        # Squares of large gradients would overflow.
        highest = tf.reduce_max([tf.reduce_max(tf.abs(each)) for each in summed])
        norm = highest * tf.linalg.global_norm(
            [tf.math.divide_no_nan(each, highest) for each in summed]
        )
        scale = self._clip_norm / tf.maximum(norm, self._clip_norm)
        return [gradient * scale for gradient in gradients]

    def _update_averages(self) -> None:
        if not self.averages:
            return
        for average, weight in zip(self.averages, self._model.weights, strict=True):
            self._strategy.extended.update(average, self._move, args=(weight.value,))

    def _move(self, average, weight):
        # In this form an average of a constant stays the constant, to the last bit.
        share = tf.cast(1.0 - self._ema_decay, average.dtype)
        average.assign_add(share * (tf.cast(weight, average.dtype) - average))
