"""The Poisson loss of the published recipe, perhaps with a term of the correlation."""

import keras
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.ops.frames import flat_frames
from sensorium_tf.models.ops.replicas import replica_context

EPSILON = 1e-12
# Product of two variances that counts as none.
_SMALLEST_VARIANCE = 1e-8


@keras.saving.register_keras_serializable(package="sensorium_tf")
class PoissonLoss(keras.losses.Loss):
    """Poisson loss of one mouse and batch, scaled to the size of the mouse's training set.

    `sqrt(n_train_trials / batch size) * sum(rate - response * log(rate + 1e-12))`, summed over
    trials, frames of movies and neurons, where the batch size is that of the batch at hand (a short
    last batch weighs more per trial). The root balances mice of different trial counts against each
    other and the loss against the penalties. Source: arXiv 2206.08666, methods.

    With a `correlation_weight` every trial pays, besides, `correlation_weight * sum(1 - c)` within
    the same root, where c is each neuron's correlation of rates and responses over the batch, and
    over the frames of its movies. A
    neuron whose rates or responses do not vary within it has c = 0 and pulls at nothing; so has
    every neuron in a batch of one trial, and nearly so in one of two, where c is 1 or -1.

    Args:
        n_train_trials: Trials of the mouse's training tier; any other positive number weighs the
            loss against the penalties as that many trials would.
        correlation_weight: Weight of the correlation term; 0 for the Poisson loss alone.
        name: Name of the loss.
        dtype: Keras dtype policy of the loss.

    Raises:
        SensoriumError: If `n_train_trials` is not positive, or the weight is negative.
    """

    def __init__(self, n_train_trials, *, correlation_weight=0.0, name="poisson_loss", dtype=None):
        if not n_train_trials > 0:
            raise SensoriumError(
                f"PoissonLoss: n_train_trials must be more than 0. Received: {n_train_trials}"
            )
        if not correlation_weight >= 0:
            raise SensoriumError(
                f"PoissonLoss: correlation_weight must be 0 or more. Received: {correlation_weight}"
            )
        # The reduction is part of the formula: `call` gives trials, which are summed.
        super().__init__(name=name, reduction="sum", dtype=dtype)
        self.n_train_trials = n_train_trials
        self.correlation_weight = correlation_weight

    def call(self, y_true, y_pred):
        """Returns each trial's share of the loss, `(batch,)`.

        Args:
            y_true: Responses `(batch, neurons)`, divided by their standard deviations; to movies
                `(batch, frames, neurons)`, of which those of the last frames count, as many as
                there are rates.
            y_pred: Rates `(batch, neurons)` or `(batch, frames, neurons)`, positive.
        """
        if len(y_pred.shape) == 3:
            y_true = y_true[:, ops.shape(y_true)[1] - ops.shape(y_pred)[1] :]
        per_neuron = y_pred - y_true * ops.log(y_pred + EPSILON)
        # The batch is that of all replicas together, whose sums Keras adds up.
        batch_size = _over_replicas(ops.cast(ops.shape(y_pred)[0], per_neuron.dtype))
        scale = ops.sqrt(self.n_train_trials / batch_size)
        loss = scale * ops.sum(per_neuron, axis=tuple(range(1, len(y_pred.shape))))
        if not self.correlation_weight:
            return loss
        correlations = _correlations(y_true, y_pred)
        return loss + scale * self.correlation_weight * ops.sum(1.0 - correlations)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {
            "n_train_trials": self.n_train_trials,
            "correlation_weight": self.correlation_weight,
            "name": self.name,
            "dtype": self.dtype,
        }


def _correlations(y_true, y_pred):
    """Returns each neuron's correlation over the batch, `(neurons,)`; 0 where nothing varies."""
    if len(y_pred.shape) == 3:
        y_true, y_pred = flat_frames(y_true), flat_frames(y_pred)
    number = _over_replicas(ops.cast(ops.shape(y_pred)[0], y_pred.dtype))

    def centred(values):
        return values - _over_replicas(ops.sum(values, axis=0)) / number

    def variance(values):
        return _over_replicas(ops.sum(ops.square(values), axis=0)) / number

    y_true, y_pred = centred(y_true), centred(y_pred)
    covariance = _over_replicas(ops.sum(y_true * y_pred, axis=0)) / number
    # Within the root: its slope has no bound at zero.
    return covariance / ops.sqrt(variance(y_true) * variance(y_pred) + _SMALLEST_VARIANCE)


def _over_replicas(value):
    """Returns a sum over the trials of one replica summed over all of them."""
    context = replica_context()
    return value if context is None else context.all_reduce("sum", value)
