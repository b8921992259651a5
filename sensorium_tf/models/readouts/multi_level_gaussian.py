"""The Gaussian readout at several levels of the core."""

from keras import ops

from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.ops.bilinear import sample_bilinear
from sensorium_tf.models.ops.reading import read_bilinear
from sensorium_tf.models.readouts.gaussian import GaussianReadout
from sensorium_tf.registry import READOUTS


@READOUTS.register("multi_level_gaussian")
class MultiLevelGaussianReadout(GaussianReadout):
    """Every neuron reads several of the core's levels at one position.

    The drive is `f . [feature_1(g), ..., feature_L(g)] + b`: what the levels have at the position
    g, concatenated. Positions, their sampling and the penalty are those of `GaussianReadout`. The
    levels may differ in size, since positions span each map. Source: the idea of reading several
    layers is that of hypercolumns, arXiv 1411.5752.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        features: The core's levels, a list of `(batch, height, width, channels)`.
        shift: `(batch, 2)` shift of all positions, or `None`.
        training: Whether to draw positions (true) or to use their means.

    Returns:
        `(batch, n_neurons)`, each neuron's drive.

    Raises:
        SensoriumError: If an argument is out of its range, or the core has too few levels.
    """

    class Config(GaussianReadout.Config):
        """Settings of the readout; the others are those of the readout `gaussian`."""

        levels: int | None = setting(
            None, "How many of the core's last levels it reads; None for all.", at_least=2
        )

    takes_levels = True

    def build(self, input_shape):
        """Creates the weights for the levels `input_shape`, a list of 4 axes each."""
        wanted = self.config.levels or 2
        if len(input_shape) < wanted:
            raise SensoriumError(
                f"readout multi_level_gaussian: reads {wanted} levels or more, but the core has "
                f"only {len(input_shape)}: use a core of several levels, or the readout gaussian"
            )
        self._channels = [shape[-1] for shape in self._read(input_shape)]
        super().build((*input_shape[-1][:-1], sum(self._channels)))

    def compute_output_shape(self, input_shape, *_, **__):
        """Returns `(batch, n_neurons)`."""
        return super().compute_output_shape(input_shape[0])

    def call(self, features, shift=None, training=None):
        """Reads the neurons' drives `(batch, n_neurons)` off the levels."""
        levels = self._read(features)
        positions = self.places(ops.shape(levels[0])[0], shift=shift, training=training)
        drives, start = self.bias, 0
        for level, channels in zip(levels, self._channels, strict=True):
            weights = self.features[:, start : start + channels]
            start += channels
            if training:
                drives = drives + read_bilinear(level, positions, weights)
            else:
                drives = drives + ops.sum(sample_bilinear(level, positions) * weights, axis=-1)
        return drives

    def _read(self, levels):
        """Returns those of the core's levels that are read."""
        return list(levels)[-(self.config.levels or len(levels)) :]
