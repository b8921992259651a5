"""From where the mouse looks to how far its receptive fields move."""

import keras

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.linear import linear
from sensorium_tf.models.seeds import spawn_seeds


@keras.saving.register_keras_serializable(package="sensorium_tf")
class Shifter(keras.layers.Layer):
    """Turns the pupil center into a shift of all readout positions of one mouse.

    A small network with tanh after every layer (2-5-5-2 as published), so that a shift never
    exceeds the half width of the feature map. Source: arXiv 2206.08666, methods.

    Args:
        hidden_units: Units of each hidden layer.
        n_layers: Layers, the output layer included.
        seed: Seed of the initial weights; `None` draws them anew each time.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        pupil_center: `(batch, 2)`, horizontal and vertical, z-scored.

    Returns:
        `(batch, 2)` shifts (x, y) in the units of positions, where the map spans [-1, 1].

    Raises:
        SensoriumError: If `hidden_units` or `n_layers` is below one.
    """

    def __init__(self, hidden_units=5, n_layers=3, *, seed=None, **kwargs):
        super().__init__(**kwargs)
        if hidden_units < 1 or n_layers < 1:
            raise SensoriumError(
                "Shifter: hidden_units and n_layers must be at least 1. "
                f"Received: hidden_units={hidden_units}, n_layers={n_layers}"
            )
        self.hidden_units = hidden_units
        self.n_layers = n_layers
        self.seed = seed
        widths = [2] + [hidden_units] * (n_layers - 1) + [2]
        self.layers = [
            linear(
                width,
                fan_in=fan_in,
                activation="tanh",
                seed=layer_seed,
                name=f"layer{index}",
            )
            for index, (fan_in, width, layer_seed) in enumerate(
                zip(widths[:-1], widths[1:], spawn_seeds(seed, n_layers), strict=True)
            )
        ]

    def build(self, input_shape):
        """Creates the weights for pupil centers of `input_shape`, `(batch, 2)`."""
        for layer in self.layers:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)
        self.built = True

    def call(self, pupil_center):
        """Maps pupil centers `(batch, 2)` to shifts `(batch, 2)`."""
        shift = pupil_center
        for layer in self.layers:
            shift = layer(shift)
        return shift

    def compute_output_shape(self, input_shape):
        """Returns `(batch, 2)`."""
        return (input_shape[0], 2)

    def get_config(self):
        """Returns the constructor's arguments."""
        config = super().get_config()
        config.update(hidden_units=self.hidden_units, n_layers=self.n_layers, seed=self.seed)
        return config
