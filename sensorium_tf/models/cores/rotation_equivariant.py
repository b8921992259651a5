"""A core that has each of its features at several orientations."""

from keras import ops

from sensorium_tf.config import setting
from sensorium_tf.models.cores._oriented import OrientedCore, convolve
from sensorium_tf.models.cores._stem import StemCore
from sensorium_tf.models.ops.rotation import rotations, turned
from sensorium_tf.registry import CORES


@CORES.register("rotation_equivariant")
class RotationEquivariantCore(OrientedCore, StemCore):
    """The published core with kernels that are shared among orientations.

    Every kernel is used at `n_rotations` angles. Where the image turns by one of them, the map
    turns with it, and the orientations of each feature shift by as many places; for multiples of
    90 degrees that is exact. As in the published core, a stem is followed by blocks of a 1x1, a
    depthwise and a second 1x1 convolution, with batch normalisation and ELU: the 1x1 kernels depend
    on the difference of orientations alone, the depthwise ones turn, and orientations share their
    statistics. It computes as much as the published core of `n_rotations * channels` channels, and
    has about `n_rotations` times fewer weights.
    Source: Ecker et al. 2019, arXiv 1809.10504, section 3.

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        images: `(batch, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics and to drop features.

    Returns:
        Features `(batch, height - input_kernel + 1, width - input_kernel + 1, n_rotations *
        channels)`; channel `r * channels + c` is feature c at orientation r.

    Raises:
        SensoriumError: If a setting is out of its range, or an image smaller than the kernel.
    """

    class Config(OrientedCore.Config):
        """Settings of the core."""

        n_rotations: int = setting(8, "Angles of every kernel.", at_least=1, at_most=360)
        channels: int = setting(8, "Features of every layer, at each angle.", at_least=1)
        input_kernel: int = setting(
            9, "Height and width of the stem's kernels, in pixels.", at_least=1
        )
        n_blocks: int = setting(3, "Blocks after the stem.", at_least=0, at_most=1000)
        laplace_penalty: float = setting(
            6.3831, "Strength of the smoothness penalty on the stem's kernels.", at_least=0
        )

    step_cost = 1.1

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._input_turns = rotations(self.config.input_kernel, self.config.n_rotations)

    def build(self, input_shape):
        """Makes the weights for images of `input_shape`, `(batch, height, width, channels)`."""
        size = self.config.input_kernel
        shape = (size, size, input_shape[-1], self.config.channels)
        self.stem_kernel = self.make_kernels("stem", shape)
        super().build(input_shape)

    def levels(self, images, training=None):
        """Returns what the stem and each block give, maps of one size."""
        return self.blocks(convolve(images, self.smooth_kernel()), training)

    def smooth_kernel(self):
        """Returns the stem's kernels at all angles, `(height, width, channels, kernels)`."""
        every = turned(ops.convert_to_tensor(self.stem_kernel), self._input_turns)
        return ops.reshape(every, (*every.shape[:3], -1))

    def first_layer(self):
        """Returns the stem's kernels at all angles, `(height, width, channels, kernels)`."""
        return ops.convert_to_numpy(self.smooth_kernel())
