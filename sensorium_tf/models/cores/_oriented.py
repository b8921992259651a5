"""What cores share whose features are there at several orientations."""

from typing import ClassVar

from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase
from sensorium_tf.models.ops.convolution import (
    batch_norm,
    depthwise_supports_jit,
    xavier_normal,
)
from sensorium_tf.models.ops.depthwise import convolve_depthwise
from sensorium_tf.models.ops.dropout import Dropout
from sensorium_tf.models.ops.rotation import circulant, rotations, turned


class OrientedCore(CoreBase):
    """A core whose layers share their kernels among `n_rotations` angles.

    Its maps have `n_rotations * channels` channels: `r * channels + c` is feature c at orientation
    r. A first layer, which a subclass computes, is followed by `n_blocks` blocks of a 1x1, a
    depthwise and a second 1x1 convolution, with batch normalisation and ELU: the 1x1 kernels depend
    on the difference of orientations alone, the depthwise ones turn, and orientations share their
    statistics. A subclass adds `n_rotations`, `channels` and `n_blocks` to the settings.
    """

    class Config(config.Config):
        """Settings of all such cores."""

        hidden_kernel: int = setting(
            7, "Height and width of the depthwise kernels, in pixels: an odd number.", at_least=1
        )
        dropout: float = setting(
            0.0,
            "Share of the features that training sets to zero after every block, and after the 1x1 "
            "convolution of gabor.",
            at_least=0,
            below=1,
        )

    #: Whether features are dropped after the first layer, too, not after blocks alone.
    drops_first: ClassVar[bool] = False

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = depthwise_supports_jit()
        options = self.config
        if options.hidden_kernel % 2 == 0:
            # The map is padded on one side more than on the other, whichever way it is turned.
            raise SensoriumError(
                f"hidden_kernel {options.hidden_kernel}: expected an odd number: maps do not "
                "turn with the image otherwise"
            )
        self.n_orientations = options.n_rotations
        n_blocks = options.n_blocks
        # Those of the kernels come first, so that dropout does not change them.
        seeds = self.seeds(2 + 4 * n_blocks)
        self._kernel_seeds = seeds[: 1 + 3 * n_blocks]
        self._hidden_turns = rotations(options.hidden_kernel, options.n_rotations)
        self.norms = [batch_norm(f"norm{number}") for number in range(1 + n_blocks)]
        rates = [options.dropout if self.drops_first else 0.0, *[options.dropout] * n_blocks]
        self.dropouts = [
            Dropout(rate, seed=seed, name=f"dropout{number}")
            for number, (rate, seed) in enumerate(
                zip(rates, seeds[1 + 3 * n_blocks :], strict=True)
            )
        ]

    def make_kernels(self, name: str, shape: tuple[int, ...]):
        """Makes all kernels: the blocks' and, before them, the first layer's, which it returns.

        Args:
            name: Of the first layer's kernel.
            shape: Of it.
        """
        n_rotations, channels = self.config.n_rotations, self.config.channels
        size, between = self.config.hidden_kernel, (n_rotations, channels, channels)
        seeds = iter(self._kernel_seeds)

        def kernel(name, shape):
            return self.add_weight(name=name, shape=shape, initializer=xavier_normal(next(seeds)))

        first = kernel(name, shape)
        self.kernels = [
            (
                kernel(f"block{number}_in", between),
                kernel(f"block{number}_spatial", (size, size, channels, 1)),
                kernel(f"block{number}_out", between),
            )
            for number in range(1, 1 + self.config.n_blocks)
        ]
        return first

    def call(self, images, training=None):
        """Extracts the features of `(batch, height, width, channels)` images."""
        return self.levels(images, training=training)[-1]

    def blocks(self, features, training=None):
        """Returns what follows of the first layer's convolution: its own map and each block's.

        Args:
            features: `(batch, height, width, n_rotations * channels)`.
            training: As of a call.
        """
        first, *dropouts = self.dropouts
        found = [first(self._activate(self.norms[0], features, training), training=training)]
        parts = zip(self.kernels, self.norms[1:], dropouts, strict=True)
        for (into, spatial, out), norm, dropout in parts:
            features = convolve(found[-1], circulant(into))
            features = self._filter(features, spatial)
            features = convolve(features, circulant(out))
            features = self._activate(norm, features, training)
            found.append(dropout(features, training=training))
        return found

    def _filter(self, features, kernel):
        """Filters each channel, with the kernel of its feature at its orientation."""
        every = turned(ops.transpose(kernel, (0, 1, 3, 2)), self._hidden_turns)
        every = ops.cast(ops.reshape(every, (*every.shape[:2], -1, 1)), features.dtype)
        return convolve_depthwise(features, every)

    def _activate(self, norm, features, training):
        return ops.elu(normalize(norm, features, self.n_orientations, training))


def convolve(features, kernel):
    """Convolves feature maps, without padding."""
    kernel = ops.cast(kernel, features.dtype)
    return ops.conv(features, kernel, padding="valid", data_format="channels_last")


def normalize(norm, features, n_orientations: int, training):
    """Normalises each feature over the map and all orientations.

    Args:
        norm: A layer of batch normalisation, for as many channels as there are features.
        features: `(batch, height, width, n_orientations * features)`.
        n_orientations: How many there are.
        training: As of a call.
    """
    _, rows, columns, channels = features.shape
    apart = (-1, rows, columns * n_orientations, channels // n_orientations)
    normed = norm(ops.reshape(features, apart), training=training)
    return ops.reshape(normed, (-1, rows, columns, channels))
