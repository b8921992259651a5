"""The Poisson loss of the published recipe."""

import keras
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.ops.replicas import replica_context

EPSILON = 1e-12


@keras.saving.register_keras_serializable(package="sensorium_tf")
class PoissonLoss(keras.losses.Loss):
    """Poisson loss of one mouse and batch, scaled to the size of the mouse's training set.

    `sqrt(n_train_trials / batch size) * sum(rate - response * log(rate + 1e-12))`, summed over
    trials and neurons, where the batch size is that of the batch at hand (a short last batch
    weighs more per trial). The root balances mice of different trial counts against each other
    and the loss against the penalties. Source: arXiv 2206.08666, methods.

    Args:
        n_train_trials: Trials of the mouse's training tier; any other positive number weighs the
            loss against the penalties as that many trials would.
        name: Name of the loss.
        dtype: Keras dtype policy of the loss.

    Raises:
        SensoriumError: If `n_train_trials` is not positive.
    """

    def __init__(self, n_train_trials, *, name="poisson_loss", dtype=None):
        if not n_train_trials > 0:
            raise SensoriumError(
                f"PoissonLoss: n_train_trials must be more than 0. Received: {n_train_trials}"
            )
        # The reduction is part of the formula: `call` gives trials, which are summed.
        super().__init__(name=name, reduction="sum", dtype=dtype)
        self.n_train_trials = n_train_trials

    def call(self, y_true, y_pred):
        """Returns each trial's share of the loss, `(batch,)`.

        Args:
            y_true: Responses `(batch, neurons)`, divided by their standard deviations.
            y_pred: Rates `(batch, neurons)`, positive.
        """
        per_neuron = y_pred - y_true * ops.log(y_pred + EPSILON)
        batch_size = ops.cast(ops.shape(y_pred)[0], per_neuron.dtype)
        if (context := replica_context()) is not None:
            # The batch is that of all replicas together, whose sums Keras adds up.
            batch_size = context.all_reduce("sum", batch_size)
        scale = ops.sqrt(self.n_train_trials / batch_size)
        return scale * ops.sum(per_neuron, axis=-1)

    def get_config(self):
        """Returns the constructor's arguments."""
        return {"n_train_trials": self.n_train_trials, "name": self.name, "dtype": self.dtype}
