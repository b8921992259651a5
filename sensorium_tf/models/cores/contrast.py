"""A core for readouts that filter the image themselves: the image, and its contrast."""

from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase
from sensorium_tf.models.cores._stem import check_image_size
from sensorium_tf.models.ops.filtering import filter_each
from sensorium_tf.models.ops.gabor import check_wavelengths, pairs
from sensorium_tf.registry import CORES

# Directions of the full circle whose Gabor filters measure contrast.
_N_DIRECTIONS = 12


@CORES.register("contrast")
class ContrastCore(CoreBase):
    """The image as it is, and how much contrast is around each pixel. Nothing is trained.

    Contrast is the mean energy `e^2 + o^2` of even and odd Gabor filters of the first channel, at
    all directions and some wavelengths, averaged over the pixels around. The readout
    `receptive_field` filters the image with a Gabor filter of each neuron's own, and divides by
    the contrast.
    Source: Heeger 1992, Vis. Neurosci. 9:181 (division by contrast).

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        images: `(batch, height, width, channels)`.
        training: Not used.

    Returns:
        `(batch, height, width, channels + pools)`: the images, then the contrasts.

    Raises:
        SensoriumError: If a setting is out of its range, or an image smaller than the filters.
    """

    class Config(config.Config):
        """Settings of the core."""

        wavelengths: tuple[int, ...] = setting((6, 8, 11), "Wavelengths that count, in pixels.")
        pools: tuple[int, ...] = setting(
            (13, 31), "Heights and widths of what contrast is measured in, in pixels."
        )

        def __post_init__(self):
            super().__post_init__()
            check_wavelengths(self.wavelengths)
            if min(self.pools, default=0) < 1:
                raise SensoriumError(
                    f"pools {list(self.pools)}: expected one of at least 1 pixels or several"
                )

    penalty_label = "contrast"
    step_cost = 0.3
    is_trained = False

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = True
        # Half precision has no room for the sum of many squares.
        self.autocast = False
        self.n_contrasts = len(self.config.pools)
        self._filters = pairs(self.config.wavelengths, _N_DIRECTIONS)

    def build(self, input_shape):
        """Checks the size of images of `input_shape`, `(batch, height, width, channels)`."""
        smallest = len(self._filters) // 2 + 1
        check_image_size(input_shape, smallest, f"wavelengths {list(self.config.wavelengths)}")

    def call(self, images, training=None):
        """Adds the contrasts to `(batch, height, width, channels)` images."""
        images = ops.cast(images, self.variable_dtype)
        waves = filter_each(images[..., :1], self._filters)
        energy = 2 * ops.mean(ops.square(waves), axis=-1, keepdims=True)
        contrasts = [
            ops.average_pool(energy, pool, strides=1, padding="same", data_format="channels_last")
            for pool in self.config.pools
        ]
        return ops.cast(ops.concatenate([images, *contrasts], axis=-1), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """Returns the shape of images and contrasts."""
        return (*input_shape[:-1], input_shape[-1] + self.n_contrasts)
