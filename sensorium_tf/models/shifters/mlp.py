"""The shifter of the published baselines: a small fully connected network."""

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.models.base import ShifterBase
from sensorium_tf.models.ops.linear import linear
from sensorium_tf.registry import SHIFTERS


@SHIFTERS.register("mlp")
class MLPShifter(ShifterBase):
    """Turns the pupil center into a shift of all readout positions of one mouse.

    A small network with tanh after every layer (2-5-5-2 as published), so that a shift never
    exceeds the half width of the feature map. Source: arXiv 2206.08666, methods.

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        pupil_center: `(batch, 2)`, horizontal and vertical, z-scored.

    Returns:
        `(batch, 2)` shifts (x, y) in the units of positions, where the map spans [-1, 1].

    Raises:
        SensoriumError: If a setting is out of its range.
    """

    class Config(config.Config):
        """Settings of the shifter; the defaults are the published ones (arXiv 2206.08666)."""

        hidden_units: int = setting(5, "Units of each hidden layer.", at_least=1)
        n_layers: int = setting(3, "Layers, the output layer included.", at_least=1)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        n_layers = self.config.n_layers
        widths = [2] + [self.config.hidden_units] * (n_layers - 1) + [2]
        self.layers = [
            linear(
                width,
                fan_in=fan_in,
                activation="tanh",
                seed=layer_seed,
                name=f"layer{index}",
            )
            for index, (fan_in, width, layer_seed) in enumerate(
                zip(widths[:-1], widths[1:], self.seeds(n_layers), strict=True)
            )
        ]

    def build(self, input_shape):
        """Creates the weights for pupil centers of `input_shape`, `(batch, 2)`."""
        for layer in self.layers:
            layer.build(input_shape)
            input_shape = layer.compute_output_shape(input_shape)

    def stand_still(self):
        """Makes training start without shifts, by a last layer of zeros."""
        for weight in self.layers[-1].weights:
            weight.assign(weight * 0)

    def call(self, pupil_center):
        """Maps pupil centers `(batch, 2)` to shifts `(batch, 2)`."""
        shift = pupil_center
        for layer in self.layers:
            shift = layer(shift)
        return shift
