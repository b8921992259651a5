"""The Gaussian readout of features at several orientations, with a tuning of each neuron."""

import keras
from keras import ops

from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.readouts.gaussian import GaussianReadout
from sensorium_tf.registry import READOUTS

# Standard deviation of the weights at the start, as a share of their mean: enough to let the terms
# of a sum differ.
_SPREAD = 0.15


@READOUTS.register("oriented")
class OrientedReadout(GaussianReadout):
    """Every neuron prefers orientations, and features, apart from each other.

    For cores that have each feature at several orientations. The neuron's weight of feature c at
    orientation r is a product, `sum_k tuning[r, k] what[c, k]`, in place of a number of its own:
    with one term, 8 orientations and 8 features it learns 16 numbers instead of 64, which matters
    where trials are few and noisy. Positions, their sampling and the penalty on the features are
    those of `GaussianReadout`.
    Source: that orientation can be told apart from what a neuron computes is the idea of
    Ustyuzhaninov et al. 2020, ICLR, "Rotation-invariant clustering of neuronal responses in
    primary visual cortex"; the product is ours.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        features: `(batch, height, width, orientations * features)`, the core's.
        shift: `(batch, 2)` shift of all positions, or `None`.
        training: Whether to draw positions (true) or to use their means.

    Returns:
        `(batch, n_neurons)`, each neuron's drive.

    Raises:
        SensoriumError: If an argument is out of its range; in a model, if the core's features are
            not at as many orientations.
    """

    class Config(GaussianReadout.Config):
        """Settings of the readout; the others are those of the readout `gaussian`."""

        terms: int = setting(1, "Products that are added up.", at_least=1)
        n_orientations: int = setting(
            8, "Orientations of the core's features; a model takes its core's.", at_least=2
        )

    def __init__(self, n_neurons, **kwargs):
        super().__init__(n_neurons, **kwargs)
        self.n_orientations = self.config.n_orientations

    def make_features(self, channels):
        """Creates the weights of the products, for maps of so many `channels`."""
        if channels % self.n_orientations:
            raise SensoriumError(
                f"{self.name}: {channels} channels are not the same features at "
                f"{self.n_orientations} orientations"
            )
        n_terms = self.config.terms
        n_orientations, n_features = self.n_orientations, channels // self.n_orientations
        # All products together start at 1 / channels, as the weights of the readout gaussian.
        tuning_seed, what_seed = self.seeds(7)[-2:]

        def weight(name, number, mean, seed):
            start = keras.initializers.RandomNormal(mean, _SPREAD * mean, seed=seed)
            shape = (self.n_neurons, number, n_terms)
            return self.add_weight(name=name, shape=shape, initializer=start)

        self.tuning = weight("tuning", n_orientations, 1.0 / n_orientations, tuning_seed)
        self.what = weight("what", n_features, 1.0 / (n_features * n_terms), what_seed)

    @property
    def features(self):
        """Each neuron's weights of the features, `(n_neurons, orientations * features)`."""
        tuning, what = map(ops.convert_to_tensor, (self.tuning, self.what))
        return ops.reshape(ops.einsum("nrk,nck->nrc", tuning, what), (self.n_neurons, -1))
