"""A core that has each of its features at several orientations."""

from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.cores._stem import StemCore
from sensorium_tf.models.ops.convolution import (
    batch_norm,
    depthwise_supports_jit,
    xavier_normal,
)
from sensorium_tf.models.ops.depthwise import convolve_depthwise
from sensorium_tf.models.ops.dropout import Dropout
from sensorium_tf.models.ops.rotation import circulant, rotations, turned
from sensorium_tf.registry import CORES


@CORES.register("rotation_equivariant")
class RotationEquivariantCore(StemCore):
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

    class Config(config.Config):
        """Settings of the core."""

        n_rotations: int = setting(8, "Angles of every kernel.", at_least=1, at_most=360)
        channels: int = setting(8, "Features of every layer, at each angle.", at_least=1)
        input_kernel: int = setting(
            9, "Height and width of the stem's kernels, in pixels.", at_least=1
        )
        hidden_kernel: int = setting(
            7, "Height and width of the depthwise kernels, in pixels: an odd number.", at_least=1
        )
        n_blocks: int = setting(3, "Blocks after the stem.", at_least=0, at_most=1000)
        dropout: float = setting(
            0.0,
            "Share of the features that training sets to zero after every block.",
            at_least=0,
            below=1,
        )
        laplace_penalty: float = setting(
            6.3831, "Strength of the smoothness penalty on the stem's kernels.", at_least=0
        )

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = depthwise_supports_jit()
        if self.config.hidden_kernel % 2 == 0:
            # The map is padded on one side more than on the other, whichever way it is turned.
            raise SensoriumError(
                f"hidden_kernel {self.config.hidden_kernel}: expected an odd number: maps do not "
                "turn with the image otherwise"
            )
        n_blocks, n_rotations = self.config.n_blocks, self.config.n_rotations
        # Those of the kernels come first, so that dropout does not change them.
        seeds = self.seeds(1 + 4 * n_blocks)
        self._seeds, dropout_seeds = seeds[: 1 + 3 * n_blocks], seeds[1 + 3 * n_blocks :]
        self._input_turns = rotations(self.config.input_kernel, n_rotations)
        self._hidden_turns = rotations(self.config.hidden_kernel, n_rotations)
        self.norms = [batch_norm(f"norm{number}") for number in range(1 + n_blocks)]
        self.dropouts = [
            Dropout(self.config.dropout, seed=seed, name=f"block{number}_dropout")
            for number, seed in enumerate(dropout_seeds, start=1)
        ]

    def build(self, input_shape):
        """Makes the weights for images of `input_shape`, `(batch, height, width, channels)`."""
        channels, n_rotations = self.config.channels, self.config.n_rotations
        seeds = iter(self._seeds)

        def kernel(name, *shape):
            return self.add_weight(name=name, shape=shape, initializer=xavier_normal(next(seeds)))

        size = self.config.input_kernel
        self.stem_kernel = kernel("stem", size, size, input_shape[-1], channels)
        size, between = self.config.hidden_kernel, (n_rotations, channels, channels)
        self.kernels = [
            (
                kernel(f"block{number}_in", *between),
                kernel(f"block{number}_spatial", size, size, channels, 1),
                kernel(f"block{number}_out", *between),
            )
            for number in range(1, 1 + self.config.n_blocks)
        ]
        super().build(input_shape)

    def call(self, images, training=None):
        """Extracts the features of `(batch, height, width, channels)` images."""
        return self.levels(images, training=training)[-1]

    def levels(self, images, training=None):
        """Returns what the stem and each block give, maps of one size."""
        first, *norms = self.norms
        features = _convolve(images, self.smooth_kernel())
        features = self._activate(first, features, training)
        found = [features]
        parts = zip(self.kernels, norms, self.dropouts, strict=True)
        for (into, spatial, out), norm, dropout in parts:
            features = _convolve(features, circulant(into))
            features = self._filter(features, spatial)
            features = _convolve(features, circulant(out))
            features = self._activate(norm, features, training)
            features = dropout(features, training=training)
            found.append(features)
        return found

    def smooth_kernel(self):
        """Returns the stem's kernels at all angles, `(height, width, channels, kernels)`."""
        every = turned(ops.convert_to_tensor(self.stem_kernel), self._input_turns)
        return ops.reshape(every, (*every.shape[:3], -1))

    def first_layer(self):
        """Returns the stem's kernels at all angles, `(height, width, channels, kernels)`."""
        return ops.convert_to_numpy(self.smooth_kernel())

    def _filter(self, features, kernel):
        """Filters each channel, with the kernel of its feature at its orientation."""
        every = turned(ops.transpose(kernel, (0, 1, 3, 2)), self._hidden_turns)
        every = ops.cast(ops.reshape(every, (*every.shape[:2], -1, 1)), features.dtype)
        return convolve_depthwise(features, every)

    def _activate(self, norm, features, training):
        """Normalises each feature over the map and all orientations."""
        _, rows, columns, channels = features.shape
        n_rotations = self.config.n_rotations
        apart = (-1, rows, columns * n_rotations, channels // n_rotations)
        normed = norm(ops.reshape(features, apart), training=training)
        return ops.elu(ops.reshape(normed, (-1, rows, columns, channels)))


def _convolve(features, kernel):
    kernel = ops.cast(kernel, features.dtype)
    return ops.conv(features, kernel, padding="valid", data_format="channels_last")
