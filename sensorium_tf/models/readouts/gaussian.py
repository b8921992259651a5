"""Where each neuron looks on the feature map, and what it takes from there."""

import warnings

import keras
import numpy as np
from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import ReadoutBase
from sensorium_tf.models.ops.bilinear import sample_bilinear
from sensorium_tf.models.ops.coordinates import normalize_coordinates
from sensorium_tf.models.ops.linear import linear
from sensorium_tf.models.ops.reading import read_bilinear
from sensorium_tf.models.ops.replicas import ReplicaSeedGenerator
from sensorium_tf.registry import READOUTS


@READOUTS.register("gaussian")
class GaussianReadout(ReadoutBase):
    """Readout of one mouse: every neuron reads the feature map at one position.

    In training the position of each neuron is drawn anew for every image from a Gaussian,
    `g = clip(mu + S eps, -1, 1)` with `eps ~ N(0, I)`, which gives the position a gradient that
    reaches further than a pixel; in evaluation it is the mean `mu`. A shift by the eye is added
    after the clip. The neuron's drive is `f . feature(g) + b`. Every pass pays
    `feature_penalty * sum|f|`. Source: arXiv 2206.08666, methods.

    With `positions="predicted"` the means are `tanh(W2 elu(W1 c + b1) + b2)` of the neurons'
    normalised places in cortex `c`: give those with `set_coordinates` before the first use. With
    `positions="free"` each mean is a weight of its own.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        features: `(batch, height, width, channels)`, the core's.
        shift: `(batch, 2)` shift of all positions, or `None`.
        training: Whether to draw positions (true) or to use their means.

    Returns:
        `(batch, n_neurons)`, each neuron's drive, before the output nonlinearity.

    Raises:
        SensoriumError: If an argument is none of the choices or out of its range.
    """

    class Config(config.Config):
        """Settings of the readout; the defaults are the published ones (arXiv 2206.08666)."""

        covariance: str = setting(
            "full",
            "What the Gaussian of the drawn positions can be. full: any 2x2 matrix S; "
            "uncorrelated: a width for each axis; isotropic: one width.",
            choices=("full", "uncorrelated", "isotropic"),
        )
        positions: str = setting(
            "predicted",
            "Whether positions are predicted from places in cortex, or free.",
            choices=("predicted", "free"),
        )
        hidden_units: int = setting(
            30, "Hidden units of the network that predicts positions.", at_least=1
        )
        sigma_init: float = setting(
            0.1, "S starts as U(-sigma_init, sigma_init); the map spans [-1, 1].", at_least=0
        )
        feature_penalty: float = setting(
            0.0076, "Strength of the L1 penalty on the features.", at_least=0
        )

    penalty_label = "features"
    training_options = ("feature_penalty",)
    takes_shift = True
    reads_points = True

    def __init__(self, n_neurons, **kwargs):
        super().__init__(n_neurons, **kwargs)
        # Sampling uses an operation that XLA has no kernel for.
        self.supports_jit = keras.backend.backend() != "tensorflow"

        self._sigma_seed, self._mean_seed, noise_seed, *network_seeds = self.seeds(5)
        self.noise = ReplicaSeedGenerator(noise_seed, name="noise")
        if self.config.positions == "predicted":
            # Positions stay in full precision under mixed precision, like the weights below:
            # half precision would round them to a tenth of a pixel.
            self.position_network = [
                linear(
                    units,
                    fan_in=fan_in,
                    activation=activation,
                    seed=network_seed,
                    name=layer_name,
                    dtype=self.variable_dtype,
                )
                for units, fan_in, activation, network_seed, layer_name in (
                    (self.config.hidden_units, 2, "elu", network_seeds[0], "hidden"),
                    (2, self.config.hidden_units, "tanh", network_seeds[1], "position"),
                )
            ]

    def build(self, input_shape):
        """Creates the weights for features `input_shape`, `(batch, height, width, channels)`."""
        channels = input_shape[-1]
        n_neurons = self.n_neurons
        if self.config.positions == "predicted":
            self.coordinates = self.add_weight(
                name="coordinates",
                shape=(n_neurons, 2),
                initializer="zeros",
                trainable=False,
                autocast=False,
            )
            shape = (n_neurons, 2)
            for layer in self.position_network:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
        else:
            self.mean = self.add_weight(
                name="mean",
                shape=(n_neurons, 2),
                initializer=keras.initializers.RandomUniform(-0.1, 0.1, seed=self._mean_seed),
                autocast=False,
            )
        sigma_shape = {"full": (2, 2), "uncorrelated": (2,), "isotropic": (1,)}[
            self.config.covariance
        ]
        self.sigma = self.add_weight(
            name="sigma",
            shape=(n_neurons, *sigma_shape),
            initializer=keras.initializers.RandomUniform(
                -self.config.sigma_init, self.config.sigma_init, seed=self._sigma_seed
            ),
            autocast=False,
        )
        self.features = self.add_weight(
            name="features",
            shape=(n_neurons, channels),
            initializer=keras.initializers.Constant(1.0 / channels),
        )
        self.bias = self.add_weight(name="bias", shape=(n_neurons,), initializer="zeros")

    def set_coordinates(self, cell_motor_coordinates):
        """Tells where the neurons lie in cortex, from which their positions are predicted.

        The first two columns are centred and divided by their largest absolute value, over all
        neurons of the mouse together. Free positions make no use of them.

        Args:
            cell_motor_coordinates: `(n_neurons, 2 or 3)`, in micrometres: lateral, rostral and,
                not used, depth.

        Raises:
            SensoriumError: If the coordinates have another shape or are not finite.
        """
        coordinates = np.asarray(cell_motor_coordinates, dtype="float64")
        if coordinates.ndim != 2 or coordinates.shape[1] not in (2, 3):
            raise SensoriumError(
                f"{self.name}: cell motor coordinates must have shape (neurons, 2) or "
                f"(neurons, 3). Received: {coordinates.shape}"
            )
        if len(coordinates) != self.n_neurons:
            raise SensoriumError(
                f"{self.name}: the readout has {self.n_neurons} neurons, but there are "
                f"coordinates of {len(coordinates)}"
            )
        if not np.isfinite(coordinates).all():
            raise SensoriumError(
                f"{self.name}: cell motor coordinates must be finite, but some are NaN or infinite"
            )
        if self.config.positions == "free":
            return
        if self.coordinates is None:
            raise SensoriumError(
                f"{self.name}: build the readout before set_coordinates, with "
                "build((None, height, width, channels))"
            )
        places = normalize_coordinates(coordinates)
        if self.n_neurons > 1 and not places.any():
            warnings.warn(
                f"{self.name}: all neurons lie at one place in cortex, so that their receptive "
                "fields will be predicted at one place: use --positions=free, or "
                'readout="gaussian(positions=free)"',
                stacklevel=2,
            )
        self.coordinates.assign(places)

    def set_mean_rates(self, means):
        """Makes the rates start at the neurons' mean responses instead of at 1.

        Before they have learnt anything, features move all rates up and down alike; what a neuron
        does on average is left to its bias, which training would have to find step by step.

        Args:
            means: `(n_neurons,)`, in units of the responses' std; a mean below 0.05 counts as
                0.05, from where gradients still reach the neuron.

        Raises:
            SensoriumError: If the means have another shape or are not finite.
        """
        means = np.asarray(means, "float64")
        if means.shape != (self.n_neurons,) or not np.isfinite(means).all():
            raise SensoriumError(
                f"{self.name}: mean rates must be {self.n_neurons} finite numbers. Received: "
                f"shape {means.shape}"
            )
        means = np.maximum(means, 0.05)
        # The inverse of elu(drive) + 1.
        self.bias.assign(np.where(means < 1.0, np.log(means), means - 1.0).astype("float32"))

    def positions(self):
        """Returns the neurons' positions in evaluation, `(n_neurons, 2)` as (x, y) in [-1, 1]."""
        if self.config.positions == "free":
            return ops.clip(ops.convert_to_tensor(self.mean), -1.0, 1.0)
        positions = ops.convert_to_tensor(self.coordinates)
        for layer in self.position_network:
            positions = layer(positions)
        return positions

    def draw_positions(self, batch_size):
        """Draws positions `(batch_size, n_neurons, 2)` as training does, before any shift."""
        noise = keras.random.normal(
            (batch_size, self.n_neurons, 2), dtype=self.variable_dtype, seed=self.noise
        )
        sigma = ops.convert_to_tensor(self.sigma)
        if self.config.covariance == "full":
            offset = ops.sum(sigma * noise[:, :, None, :], axis=-1)
        else:
            offset = sigma * noise
        return ops.clip(self.positions() + offset, -1.0, 1.0)

    def call(self, features, shift=None, training=None):
        """Reads the neurons' drives `(batch, n_neurons)` off the feature maps."""
        if training:
            positions = self.draw_positions(ops.shape(features)[0])
        else:
            positions = self.positions()[None]
        if shift is not None:
            positions = positions + ops.cast(shift, positions.dtype)[:, None, :]
        if training:
            return read_bilinear(features, positions, self.features) + self.bias
        # Without XLA, so that a model can be exported to where there is none.
        samples = sample_bilinear(features, positions)
        return ops.sum(samples * self.features, axis=-1) + self.bias

    def read_points(self, samples, neurons):
        """Returns the drives `(batch,)` of some neurons, from samples `(batch, channels)`."""
        features, bias = (
            ops.cast(ops.take(each, neurons, axis=0), samples.dtype)
            for each in (self.features, self.bias)
        )
        return ops.sum(samples * features, axis=-1) + bias

    def penalty(self):
        """Returns the L1 penalty of one pass, weighted as in the loss (a scalar)."""
        # In full precision also within a call under mixed precision.
        features = ops.cast(self.features, self.variable_dtype)
        return self.config.feature_penalty * ops.sum(ops.abs(features))
