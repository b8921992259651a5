"""Where the neurons of a readout look: predicted from their places in cortex, learnt, or both."""

import warnings

import keras
import numpy as np
from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import ReadoutBase
from sensorium_tf.models.ops.coordinates import normalize_coordinates
from sensorium_tf.models.ops.linear import linear

# Length of an offset of 1, where the map spans [-1, 1]: a step of Adam moves one by the learning
# rate, which is to be a small part of a pixel.
_SCATTER = 0.1


#: What positions can be.
POSITIONS = ("predicted", "free", "scattered")


class ReadoutInCortex(ReadoutBase):
    """A readout that makes use of where its neurons lie in cortex.

    A subclass calls `build_coordinates` in `build`.
    """

    def build_coordinates(self) -> None:
        """Creates the weight that holds the neurons' normalised places in cortex."""
        self.coordinates = self.add_weight(
            name="coordinates",
            shape=(self.n_neurons, 2),
            initializer="zeros",
            trainable=False,
            autocast=False,
        )

    def set_coordinates(self, cell_motor_coordinates):
        """Tells where the neurons lie in cortex.

        The first two columns are centred and divided by their largest absolute value, over all
        neurons of the mouse together.

        Args:
            cell_motor_coordinates: `(n_neurons, 2 or 3)`, in micrometres: lateral, rostral and,
                not used, depth.

        Raises:
            SensoriumError: If the coordinates have another shape or are not finite.
        """
        places = self._normalized(cell_motor_coordinates)
        if self.coordinates is None:
            raise SensoriumError(
                f"{self.name}: build the readout before set_coordinates, with "
                "build((None, height, width, channels))"
            )
        self.coordinates.assign(places)

    def _normalized(self, cell_motor_coordinates):
        """Returns normalised places in cortex; raises SensoriumError as `set_coordinates`."""
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
        return normalize_coordinates(coordinates)


class PositionedReadout(ReadoutInCortex):
    """A readout whose neurons have a position `mu` each on the map.

    With `positions="predicted"` the positions are `tanh(W2 elu(W1 c + b1) + b2)` of the neurons'
    normalised places in cortex `c`: give those with `set_coordinates` before the first use. With
    `positions="free"` each position is a weight of its own. Source: arXiv 2206.08666, methods.

    With `positions="scattered"` each neuron adds an offset of its own to the predicted position, as
    the retinotopic map of mouse visual cortex is smooth over many neurons but neighbours scatter
    around it (Bonin et al. 2011, J. Neurosci. 31:18506). Every pass pays
    `scatter_penalty * sum(s^2)` for the offsets `0.1 s`, where the map spans [-1, 1].

    A subclass calls `make_positions` in its constructor and `build_positions` in `build`, and adds
    `scatter_cost` to its penalty.
    """

    class Config(config.Config):
        """Settings of the positions; the defaults are the published ones."""

        positions: str = setting(
            "predicted",
            "Whether positions are predicted from places in cortex, free, or predicted with an "
            "offset of each neuron's own (scattered).",
            choices=POSITIONS,
        )
        scatter_penalty: float = setting(
            0.01,
            "Strength of the penalty on the squares of scattered positions' offsets.",
            at_least=0,
        )
        hidden_units: int = setting(
            30, "Hidden units of the network that predicts positions.", at_least=1
        )

    def make_positions(self, mean_seed: int | None, network_seeds) -> None:
        """Makes the network that predicts the positions, if it is wanted.

        Args:
            mean_seed: Of free positions.
            network_seeds: Of the two layers of the network.
        """
        self._mean_seed = mean_seed
        if self.config.positions != "free":
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

    def build_positions(self) -> None:
        """Creates the weights of the positions."""
        if self.config.positions != "free":
            self.build_coordinates()
            shape = (self.n_neurons, 2)
            for layer in self.position_network:
                layer.build(shape)
                shape = layer.compute_output_shape(shape)
        if self.config.positions == "scattered":
            self.scatter = self.add_weight(
                name="scatter", shape=(self.n_neurons, 2), initializer="zeros", autocast=False
            )
        if self.config.positions == "free":
            self.mean = self.add_weight(
                name="mean",
                shape=(self.n_neurons, 2),
                initializer=keras.initializers.RandomUniform(-0.1, 0.1, seed=self._mean_seed),
                autocast=False,
            )

    def set_coordinates(self, cell_motor_coordinates):
        """Tells where the neurons lie in cortex, from which their positions are predicted.

        As of `ReadoutInCortex`; free positions make no use of it.
        """
        places = self._normalized(cell_motor_coordinates)
        if self.config.positions == "free":
            return
        super().set_coordinates(cell_motor_coordinates)
        if self.n_neurons > 1 and not places.any():
            warnings.warn(
                f"{self.name}: all neurons lie at one place in cortex, so that their receptive "
                "fields will be predicted at one place: use --positions=free, or "
                'readout="gaussian(positions=free)"',
                stacklevel=2,
            )

    def positions(self):
        """Returns the neurons' positions in evaluation, `(n_neurons, 2)` as (x, y) in [-1, 1]."""
        if self.config.positions == "free":
            return ops.clip(ops.convert_to_tensor(self.mean), -1.0, 1.0)
        positions = ops.convert_to_tensor(self.coordinates)
        for layer in self.position_network:
            positions = layer(positions)
        if self.config.positions == "predicted":
            return positions
        return ops.clip(positions + _SCATTER * ops.convert_to_tensor(self.scatter), -1.0, 1.0)

    def scatter_cost(self):
        """Returns what a pass pays for the offsets (a scalar): 0 without any."""
        if self.config.positions != "scattered":
            return 0.0
        return self.config.scatter_penalty * ops.sum(ops.square(self.scatter))
