"""What an output nonlinearity is, which takes the place of `elu(drive) + 1`."""

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import ReadoutBase
from sensorium_tf.models.ops.firing_rate import drive_of
from sensorium_tf.models.part import PartOfNeurons
from sensorium_tf.registry import custom_code

# From lower rates gradients would hardly reach the neuron.
_LEAST_MEAN = 0.05


class NonlinearityBase(PartOfNeurons):
    """From the drives of one mouse's neurons to their rates.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: As of `PartBase`.

    Call arguments:
        drive: `(batch, n_neurons)`.

    Returns:
        `(batch, n_neurons)` rates of 0 or more.
    """

    penalty_label = "nonlinearity"

    def __init__(self, n_neurons: int, **kwargs):
        super().__init__(n_neurons, **kwargs)
        # Rates stay in full precision under mixed precision: small ones would be rounded away.
        self.autocast = False

    def call(self, drive):
        """Computes the rates; a nonlinearity says how."""
        raise SensoriumError(f"{type(self).__name__}: needs a method call(drive)")

    def inverse(self, rates):
        """Returns the drives of some rates, from which training may start.

        Args:
            rates: `(n_neurons,)` array, positive.
        """
        raise SensoriumError(f"{type(self).__name__}: needs a method inverse(rates)")


def start_at_rates(readout: ReadoutBase, nonlinearity: NonlinearityBase | None, means) -> None:
    """Makes the rates of a readout start at the neurons' mean responses instead of at 1.

    Before they have learnt anything, features move all rates up and down alike; what a neuron does
    on average is left to its bias, which training would have to find step by step.

    Args:
        readout: Of a mouse.
        nonlinearity: What makes rates of its drives; None for `elu + 1`.
        means: `(n_neurons,)`, in units of the responses' std; a mean below 0.05 counts as 0.05.

    Raises:
        SensoriumError: If the means have another shape or are not finite, or a custom part fails.
    """
    means = np.asarray(means, "float64")
    if means.shape != (readout.n_neurons,) or not np.isfinite(means).all():
        raise SensoriumError(
            f"{readout.name}: mean rates must be {readout.n_neurons} finite numbers. Received: "
            f"shape {means.shape}"
        )
    means = np.maximum(means, _LEAST_MEAN)
    with custom_code(f"{readout.name}: starting at mean responses"):
        drives = drive_of(means) if nonlinearity is None else nonlinearity.inverse(means)
        readout.set_mean_drives(np.asarray(drives, "float32"))
