"""A core of simple and complex cells: fixed Gabor filters, their energies, and the contrast."""

from keras import ops

from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.cores._oriented import OrientedCore, convolve
from sensorium_tf.models.cores._stem import check_image_size
from sensorium_tf.models.ops.filtering import filter_each
from sensorium_tf.models.ops.gabor import check_wavelengths, pairs
from sensorium_tf.models.ops.rotation import circulant
from sensorium_tf.registry import CORES

# What keeps the slope of a root finite at zero.
_SMALL = 1e-6
# Cells of a wavelength that are the same seen from the other side: two rectified even responses
# and the root of the energy.
_UNDIRECTED = 3
# What brings the cells to about the spread of the image, which is a feature, too.
_GAIN = 2.0


@CORES.register("gabor")
class GaborCore(OrientedCore):
    """What is known of the cells of primary visual cortex, then a layer that learns to combine it.

    At each of `n_rotations` directions and each wavelength there are an even and an odd Gabor
    filter e and o, divided by `sqrt(saturation + E) / 2`, where E is the mean energy `e^2 + o^2` of
    all filters in `pool` x `pool` pixels around; their rectified responses `[e]+`, `[-e]+`, `[o]+`,
    as of simple cells; and `sqrt(e^2 + o^2)`, as of complex cells. Beside them there are, the same
    at all directions, the image itself, `sqrt(E)`, and the root of its mean over the image. The
    image continues beyond its border as its mirror image. Nothing of this is trained. A 1x1
    convolution with batch normalisation and ELU follows, then the blocks of the core
    `rotation_equivariant`, whose kernels are shared among directions, as the 1x1 kernels are: where
    the image turns, the map turns.
    Sources: Adelson and Bergen 1985, J. Opt. Soc. Am. A 2:284 (energy); Heeger 1992, Vis. Neurosci.
    9:181 (division); Ecker et al. 2019, arXiv 1809.10504 (sharing).

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        images: `(batch, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics and to drop features.

    Returns:
        Features `(batch, height, width, n_rotations * channels)`; channel `r * channels + c` is
        feature c at orientation r.

    Raises:
        SensoriumError: If a setting is out of its range, or an image smaller than the filters.
    """

    class Config(OrientedCore.Config):
        """Settings of the core."""

        wavelengths: tuple[int, ...] = setting(
            (6, 9, 13, 18), "Wavelengths of the filters, in pixels."
        )
        n_rotations: int = setting(
            16, "Directions of the full circle: an even number.", at_least=2, at_most=360
        )
        filtered: int = setting(
            1,
            "Channels of the images, from the first one on, that are filtered; the others are "
            "features as they are.",
            at_least=1,
        )
        pool: int = setting(
            9, "Height and width of what contrast is measured in, in pixels.", at_least=1
        )
        saturation: float = setting(
            0.3, "Energy at which the division by contrast sets in.", above=0
        )
        channels: int = setting(
            6, "Features of every learned layer, at each direction.", at_least=1
        )
        n_blocks: int = setting(0, "Blocks after the 1x1 convolution.", at_least=0, at_most=1000)

        def __post_init__(self):
            super().__post_init__()
            check_wavelengths(self.wavelengths)
            if self.n_rotations % 2:
                raise SensoriumError(f"n_rotations {self.n_rotations}: expected an even number")

    penalty_label = "gabor"
    step_cost = 1.2
    training_options = ("dropout",)
    drops_first = True

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._filters = pairs(self.config.wavelengths, self.config.n_rotations)

    def build(self, input_shape):
        """Makes the weights for images of `input_shape`, `(batch, height, width, channels)`."""
        options = self.config
        smallest = len(self._filters) // 2 + 1
        check_image_size(input_shape, smallest, f"wavelengths {list(options.wavelengths)}")
        if options.filtered > input_shape[-1]:
            raise SensoriumError(
                f"filtered {options.filtered}: the images have {input_shape[-1]} channels"
            )
        self._n_filtered = len(options.wavelengths) * options.filtered
        n_features = (_UNDIRECTED + 1) * self._n_filtered + input_shape[-1] + 2
        self.mix = self.make_kernels("mix", (options.n_rotations, n_features, options.channels))
        super().build(input_shape)

    def levels(self, images, training=None):
        """Returns what the 1x1 convolution and each block give, maps of one size."""
        return self.blocks(convolve(self.cells(images), self._kernel()), training)

    def _kernel(self):
        """Returns the kernel of the 1x1 convolution of `cells`.

        A cell that is the same at several directions is there once: its weights are added up.
        """
        n_rotations = self.config.n_rotations
        every = circulant(self.mix)
        every = ops.reshape(every, (n_rotations, -1, every.shape[-1]))
        n_undirected = _UNDIRECTED * self._n_filtered
        n_cells = n_undirected + self._n_filtered
        one_side, other_side = ops.split(every[:, :n_undirected], 2)
        parts = [one_side + other_side, every[:, n_undirected:n_cells]]
        parts = [ops.reshape(each, (-1, every.shape[-1])) for each in parts]
        return ops.concatenate([*parts, ops.sum(every[:, n_cells:], axis=0)])[None, None]

    def cells(self, images):
        """Returns what is fixed, `(batch, height, width, cells)`.

        Those of half the directions that are the same seen from the other side, direction by
        direction; the odd filters' of all directions; what has no direction.
        """
        options, (height, width) = self.config, images.shape[1:3]
        waves = filter_each(images[..., : options.filtered], self._filters)
        half, n_filtered = options.n_rotations // 2, self._n_filtered
        apart = (half, len(options.wavelengths), 2, options.filtered)
        waves = ops.reshape(waves, (-1, height, width, *apart))
        even, odd = (
            ops.reshape(waves[..., phase, :], (-1, height, width, half * n_filtered))
            for phase in (0, 1)
        )
        energy = ops.square(even) + ops.square(odd)
        total = ops.mean(energy, axis=-1, keepdims=True)
        around = ops.average_pool(
            total, options.pool, strides=1, padding="same", data_format="channels_last"
        )
        factor = _GAIN * ops.rsqrt(options.saturation + around)
        even, odd, size = even * factor, odd * factor, ops.sqrt(energy + _SMALL) * factor
        undirected = [
            ops.reshape(each, (-1, height, width, half, n_filtered))
            for each in (ops.relu(even), ops.relu(-even), size)
        ]
        undirected = ops.reshape(
            ops.concatenate(undirected, axis=-1),
            (-1, height, width, half * _UNDIRECTED * n_filtered),
        )
        whole = ops.mean(total, axis=(1, 2), keepdims=True)
        whole = ops.broadcast_to(whole, ops.shape(around))
        contrasts = [ops.sqrt(each + _SMALL) for each in (around, whole)]
        # Seen from the other side an odd filter is its own negative.
        sides = [ops.relu(odd), ops.relu(-odd)]
        return ops.concatenate([undirected, *sides, images, *contrasts], axis=-1)
