"""Where each neuron looks on the feature map, and what it takes from there."""

import keras
import numpy as np
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.linear import linear
from sensorium_tf.models.replicas import ReplicaSeedGenerator
from sensorium_tf.models.sampling import read_bilinear, sample_bilinear
from sensorium_tf.models.seeds import spawn_seeds
from sensorium_tf.models.settings import COVARIANCES, POSITIONS


@keras.saving.register_keras_serializable(package="sensorium_tf")
class GaussianReadout(keras.layers.Layer):
    """Readout of one mouse: every neuron reads the feature map at one position.

    In training the position of each neuron is drawn anew for every image from a Gaussian,
    `g = clip(mu + S eps, -1, 1)` with `eps ~ N(0, I)`, which gives the position a gradient that
    reaches further than a pixel; in evaluation it is the mean `mu`. A shift by the eye is added
    after the clip. The neuron's drive is `f . feature(g) + b`. Every call adds
    `feature_penalty * sum|f|` to the losses. Source: arXiv 2206.08666, methods.

    With `positions="predicted"` the means are `tanh(W2 elu(W1 c + b1) + b2)` of the neurons'
    normalised places in cortex `c`: give those with `set_coordinates` before the first use. With
    `positions="free"` each mean is a weight of its own.

    Args:
        n_neurons: Neurons of the mouse.
        covariance: What the Gaussian can be: `"full"` (S is a free 2x2 matrix), `"uncorrelated"`
            (a width for each axis) or `"isotropic"` (one width).
        positions: `"predicted"` from cortex, or `"free"`.
        hidden_units: Hidden units of the network that predicts positions.
        sigma_init: S starts as U(-sigma_init, sigma_init); the map spans [-1, 1].
        feature_penalty: Strength of the L1 penalty on the features.
        seed: Seed of the initial weights and of the positions drawn in training; `None` draws
            them anew each time.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        features: `(batch, height, width, channels)`, the core's.
        shift: `(batch, 2)` shift of all positions, or `None`.
        training: Whether to draw positions (true) or to use their means.

    Returns:
        `(batch, n_neurons)`, each neuron's drive, before the output nonlinearity.

    Raises:
        SensoriumError: If an argument is none of the choices or out of its range.
    """

    def __init__(
        self,
        n_neurons,
        *,
        covariance="full",
        positions="predicted",
        hidden_units=30,
        sigma_init=0.1,
        feature_penalty=0.0076,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if covariance not in COVARIANCES:
            raise SensoriumError(
                "GaussianReadout: covariance must be one of "
                f"{', '.join(COVARIANCES)}. Received: {covariance}"
            )
        if positions not in POSITIONS:
            raise SensoriumError(
                "GaussianReadout: positions must be one of "
                f"{', '.join(POSITIONS)}. Received: {positions}"
            )
        if n_neurons < 1 or hidden_units < 1:
            raise SensoriumError(
                "GaussianReadout: n_neurons and hidden_units must be at least 1. "
                f"Received: n_neurons={n_neurons}, hidden_units={hidden_units}"
            )
        self.n_neurons = n_neurons
        self.covariance = covariance
        self.positions = positions
        self.hidden_units = hidden_units
        self.sigma_init = sigma_init
        self.feature_penalty = feature_penalty
        self.seed = seed
        # Sampling uses an operation that XLA has no kernel for.
        self.supports_jit = keras.backend.backend() != "tensorflow"

        self._sigma_seed, self._mean_seed, noise_seed, *network_seeds = spawn_seeds(seed, 5)
        self.noise = ReplicaSeedGenerator(noise_seed, name="noise")
        if positions == "predicted":
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
                    (hidden_units, 2, "elu", network_seeds[0], "hidden"),
                    (2, hidden_units, "tanh", network_seeds[1], "position"),
                )
            ]

    def build(self, input_shape):
        """Creates the weights for features `input_shape`, `(batch, height, width, channels)`."""
        channels = input_shape[-1]
        n_neurons = self.n_neurons
        if self.positions == "predicted":
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
        sigma_shape = {"full": (2, 2), "uncorrelated": (2,), "isotropic": (1,)}[self.covariance]
        self.sigma = self.add_weight(
            name="sigma",
            shape=(n_neurons, *sigma_shape),
            initializer=keras.initializers.RandomUniform(
                -self.sigma_init, self.sigma_init, seed=self._sigma_seed
            ),
            autocast=False,
        )
        self.features = self.add_weight(
            name="features",
            shape=(n_neurons, channels),
            initializer=keras.initializers.Constant(1.0 / channels),
        )
        self.bias = self.add_weight(name="bias", shape=(n_neurons,), initializer="zeros")
        self.built = True

    def set_coordinates(self, cell_motor_coordinates):
        """Tells where the neurons lie in cortex, from which their positions are predicted.

        The first two columns are centred and divided by their largest absolute value, over all
        neurons of the mouse together.

        Args:
            cell_motor_coordinates: `(n_neurons, 2 or 3)`, in micrometres: lateral, rostral and,
                not used, depth.

        Raises:
            SensoriumError: If positions are free, or the coordinates have another shape or are
                not finite.
        """
        if self.positions != "predicted":
            raise SensoriumError(
                f"{self.name}: free positions need no coordinates; leave out set_coordinates or "
                'make the readout with positions="predicted"'
            )
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
        if not hasattr(self, "coordinates"):
            raise SensoriumError(
                f"{self.name}: build the readout before set_coordinates, with "
                "build((None, height, width, channels))"
            )
        self.coordinates.assign(normalize_coordinates(coordinates))

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

    def mean_positions(self):
        """Returns the neurons' positions in evaluation, `(n_neurons, 2)` as (x, y) in [-1, 1]."""
        if self.positions == "free":
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
        if self.covariance == "full":
            offset = ops.sum(sigma * noise[:, :, None, :], axis=-1)
        else:
            offset = sigma * noise
        return ops.clip(self.mean_positions() + offset, -1.0, 1.0)

    def call(self, features, shift=None, training=None):
        """Reads the neurons' drives `(batch, n_neurons)` off the feature maps."""
        self.add_loss(self.penalty())
        if training:
            positions = self.draw_positions(ops.shape(features)[0])
        else:
            positions = self.mean_positions()[None]
        if shift is not None:
            positions = positions + ops.cast(shift, positions.dtype)[:, None, :]
        if training:
            return read_bilinear(features, positions, self.features) + self.bias
        # Without XLA, so that a model can be exported to where there is none.
        samples = sample_bilinear(features, positions)
        return ops.sum(samples * self.features, axis=-1) + self.bias

    def penalty(self):
        """Returns the L1 penalty of one call, weighted as in the loss (a scalar)."""
        features = ops.cast(self.features, self.variable_dtype)  # Half under mixed precision.
        return self.feature_penalty * ops.sum(ops.abs(features))

    def compute_output_shape(self, input_shape, *_, **__):
        """Returns `(batch, n_neurons)`."""
        return (input_shape[0], self.n_neurons)

    def get_config(self):
        """Returns the constructor's arguments."""
        config = super().get_config()
        config.update(
            n_neurons=self.n_neurons,
            covariance=self.covariance,
            positions=self.positions,
            hidden_units=self.hidden_units,
            sigma_init=self.sigma_init,
            feature_penalty=self.feature_penalty,
            seed=self.seed,
        )
        return config


def same_places(coordinates, others):
    """Tells whether normalised cortex coordinates are those of the same neurons.

    Args:
        coordinates: `(neurons, 2)`, from `normalize_coordinates`.
        others: `(neurons, 2)`, likewise.
    """
    coordinates, others = map(ops.convert_to_numpy, (coordinates, others))
    # The same neurons differ by rounding alone.
    return coordinates.shape == others.shape and bool(np.abs(coordinates - others).max() < 1e-4)


def normalize_coordinates(cell_motor_coordinates):
    """Centres cortex coordinates and scales them into [-1, 1].

    Args:
        cell_motor_coordinates: `(neurons, 2 or more)` array in micrometres.

    Returns:
        `(neurons, 2)` float32 array, `(xy - mean) / max|xy - mean|`; zeros where all neurons
        lie in one place.
    """
    centred = np.asarray(cell_motor_coordinates, dtype="float64")[:, :2]
    centred = centred - centred.mean(axis=0)
    extent = np.abs(centred).max()
    return (centred / extent if extent > 0 else centred).astype("float32")
