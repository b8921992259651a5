"""A gain of every neuron that what it and the others did before sets."""

from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.models.base import ModulatorBase
from sensorium_tf.models.ops.linear import linear
from sensorium_tf.registry import MODULATORS
from sensorium_tf.specs import PAST_RESPONSES


@MODULATORS.register("history")
class HistoryModulator(ModulatorBase):
    """Multiplies each neuron's rate by a gain that follows its past responses and the population's.

    `rate * (elu(sum_w a_w h_w + v . tanh(U H + u) + c) + 1)`: h_w is how far the neuron's mean over
    the last w responses is from its mean response, for w = 1, 2, 5, 10 and 30; H is the mean of h
    over all neurons of the mouse, from which a slow gain that neurons share can be told. The
    weights a, v and c of each neuron start at zero, so that a new modulator leaves all rates as
    they are. Every pass pays `weight_penalty * (sum a^2 + sum v^2)`.

    A model with it is given `past_responses`, and says so wherever it is named. Source: after the
    winner of the plus track of Sensorium 2022 (PMLR 220:314-333), the slow gain written anew.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        rates: `(batch, n_neurons)`.
        signals: `{"past_responses": (batch, n_neurons, windows)}`.

    Returns:
        `(batch, n_neurons)` rates.

    Raises:
        SensoriumError: If an argument is out of its range.
    """

    class Config(config.Config):
        """Settings of the modulator."""

        hidden_units: int = setting(
            4, "Units that tell the slow gain; 0 for each neuron's own past alone.", at_least=0
        )
        weight_penalty: float = setting(
            1.0, "Strength of the L2 penalty on each neuron's weights.", at_least=0
        )

    penalty_label = "history"
    training_options = ("weight_penalty",)
    inputs = (PAST_RESPONSES,)

    def build(self, rates_shape, signals_shape):
        """Makes the weights for past responses `(batch, n_neurons, windows)`."""
        windows = signals_shape[PAST_RESPONSES][-1]
        (seed,) = self.seeds(1)
        self.own = self.add_weight(
            name="own", shape=(self.n_neurons, windows), initializer="zeros", autocast=False
        )
        self.offset = self.add_weight(
            name="offset", shape=(self.n_neurons,), initializer="zeros", autocast=False
        )
        self.slow = None
        if units := self.config.hidden_units:
            self.slow = linear(
                units,
                fan_in=windows,
                activation="tanh",
                seed=seed,
                name="slow",
                dtype=self.variable_dtype,
            )
            self.slow.build((None, windows))
            self.shared = self.add_weight(
                name="shared", shape=(units, self.n_neurons), initializer="zeros", autocast=False
            )

    def call(self, rates, signals, training=None):
        """Multiplies rates `(batch, n_neurons)` by their gains."""
        past = ops.cast(signals[PAST_RESPONSES], self.variable_dtype)
        gain = ops.sum(past * ops.convert_to_tensor(self.own), axis=-1) + self.offset
        if self.slow is not None:
            state = self.slow(ops.mean(past, axis=1))
            gain = gain + ops.matmul(state, ops.convert_to_tensor(self.shared))
        return rates * (ops.cast(ops.elu(gain), rates.dtype) + 1.0)

    def penalty(self):
        """Returns the L2 penalty of one pass, weighted as in the loss (a scalar)."""
        weights = [self.own] if self.slow is None else [self.own, self.shared]
        squares = [ops.sum(ops.square(ops.convert_to_tensor(each))) for each in weights]
        return self.config.weight_penalty * sum(squares)
