"""What cores share whose first layers are convolutions with smooth kernels."""

from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase
from sensorium_tf.models.ops.laplace import laplace_norm


class StemCore(CoreBase):
    """A core that begins with kernels of `input_kernel` pixels, which are to be smooth.

    A pass pays `laplace_penalty * laplace_norm(kernels)`, so that a core that sees the images of
    several mice one after another is penalised once for each. A subclass makes `stem`, a layer with
    a `kernel`, and has `input_kernel` and `laplace_penalty` among its settings.
    """

    penalty_label = "laplace"
    training_options = ("dropout", "drop_path", "laplace_penalty")

    def smooth_kernel(self):
        """Returns the kernels that are to be smooth, `(height, width, channels, kernels)`."""
        return self.stem.kernel

    def smallest_image(self) -> int:
        """Returns the height and width that images need, in pixels."""
        return self.config.input_kernel

    def build(self, input_shape):
        """Makes the weights for images of `input_shape`, `(batch, height, width, channels)`."""
        option = f"input_kernel {self.config.input_kernel}"
        check_image_size(input_shape, self.smallest_image(), option)
        super().build(input_shape)

    def penalty(self):
        """Returns the smoothness penalty of one pass, weighted as in the loss (a scalar)."""
        # In full precision also within a call under mixed precision.
        kernel = ops.cast(self.smooth_kernel(), self.variable_dtype)
        return self.config.laplace_penalty * laplace_norm(kernel)

    def first_layer(self):
        """Returns the stem's kernels, `(height, width, channels, kernels)`."""
        return ops.convert_to_numpy(self.stem.kernel)


def check_image_size(input_shape, smallest: int, option: str) -> None:
    """Raises SensoriumError if images are smaller than the kernels that are to see them.

    Args:
        input_shape: `(batch, height, width, channels)` of the images.
        smallest: Height and width that they need, in pixels.
        option: The core's option that says so, and its value.
    """
    height, width = input_shape[1:3]
    if min(height, width) < smallest:
        raise SensoriumError(
            f"{option}: images of {height} x {width} pixels are smaller than {smallest}: use "
            "larger images or a smaller kernel"
        )
