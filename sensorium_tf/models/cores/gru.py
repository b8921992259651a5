"""The recurrent core of the published baseline for movies."""

from sensorium_tf.config import setting
from sensorium_tf.models.cores._frames import FramesConfig, FramesCore
from sensorium_tf.models.ops.recurrent import ConvolutionalGRU
from sensorium_tf.registry import CORES


@CORES.register("gru")
class GRUCore(FramesCore):
    """A core of images that sees each frame, then a convolutional GRU over the frames.

    A state of maps starts at zero, and each frame changes it by gates that are convolutions of the
    frame's features and of the state (`ConvolutionalGRU`). Features are the states, so that a rate
    knows all frames before its own and none to come; no frame is lost, but the first ones know
    little. By default the core of images is the rotation-equivariant one of this package, as in the
    published baseline, the blocks of which differ: theirs have full kernels.
    Source: arXiv 2305.19654 and the published starting kit's configuration.

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        movies: `(batch, frames, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics.

    Returns:
        Features `(batch, frames, rows, columns, channels)` of the size of the core of images.

    Raises:
        SensoriumError: If a setting is out of its range, or a frame too small.
    """

    class Config(FramesConfig):
        """Settings of the core."""

        core: str = setting("rotation_equivariant", "Core of images that sees each frame.")
        channels: int = setting(64, "Channels of the state.", at_least=1)
        kernel: int = setting(
            9, "Height and width of the gates' kernels, in pixels of the map.", at_least=1
        )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        core_seed, seed = self.seeds(2)
        self.frames = self.image_core(core_seed)
        self.gru = ConvolutionalGRU(self.config.channels, self.config.kernel, seed=seed, name="gru")

    def over_time(self, features, training):
        """Returns the states after each frame."""
        return [self.gru(features)]
