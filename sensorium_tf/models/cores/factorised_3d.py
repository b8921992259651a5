"""The core of the published baseline for movies: filters in space, then in time."""

from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase
from sensorium_tf.models.cores._stem import check_image_size
from sensorium_tf.models.ops.convolution import batch_norm, convolution
from sensorium_tf.models.ops.frames import each_frame
from sensorium_tf.models.ops.laplace import laplace_norm, temporal_laplace_norm
from sensorium_tf.models.ops.temporal import TemporalConvolution
from sensorium_tf.registry import CORES


@CORES.register("factorised_3d")
class Factorised3dCore(CoreBase):
    """Factorised convolutions of movies, as of the baseline of Sensorium 2023.

    A layer is a full convolution of each frame (valid), one of each place over time, both with
    biases, then batch normalisation and ELU. With `activation="linear"` it is the core of an LN
    model in space and time. A rate is that of the last frame of its kernels, so that it knows the
    frames before and nothing of those to come: as published, the core is causal. The first 18
    frames get no features, unless `pad_past` puts zeros before the clip. Every pass pays for the
    roughness of the first layer, `laplace_penalty * laplace_norm(spatial kernels) +
    temporal_laplace_penalty * temporal_laplace_norm(temporal kernels)`.
    Source: arXiv 2305.19654; the published starting kit's configuration.

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        movies: `(batch, frames, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics.

    Returns:
        Features `(batch, frames - lost_frames, rows, columns, channels)`: for the baseline and
        clips of 80 frames of 36 x 64 pixels `(batch, 62, 18, 46, 128)`.

    Raises:
        SensoriumError: If a setting is out of its range, or a frame smaller than the kernels.
    """

    class Config(config.Config):
        """Settings of the core; the defaults are the published ones."""

        channels: tuple[int, ...] = setting((32, 64, 128), "Channels of each layer.")
        spatial_kernels: tuple[int, ...] = setting(
            (11, 5, 5), "Height and width of each layer's kernels, in pixels of the model's frames."
        )
        temporal_kernels: tuple[int, ...] = setting(
            (11, 5, 5), "Length of each layer's kernels, in frames."
        )
        activation: str = setting(
            "elu", "Nonlinearity of every layer; linear: none.", choices=("elu", "linear")
        )
        pad_past: bool = setting(
            False, "Whether zeros stand before the clip, so that its first frames get features too."
        )
        laplace_penalty: float = setting(
            10.0, "Strength of the smoothness penalty on the first kernels in space.", at_least=0
        )
        temporal_laplace_penalty: float = setting(
            0.01, "Strength of the smoothness penalty on the first kernels in time.", at_least=0
        )

        def __post_init__(self):
            super().__post_init__()
            layers = {
                name: getattr(self, name)
                for name in ("channels", "spatial_kernels", "temporal_kernels")
            }
            for name, values in layers.items():
                if min(values, default=0) < 1 or len(values) != len(self.channels):
                    raise SensoriumError(
                        f"{name} {list(values)}: expected a number of at least 1 for each of the "
                        f"{len(self.channels)} layer(s) of channels"
                    )

    takes_movies = True
    penalty_label = "laplace"
    training_options = ("laplace_penalty", "temporal_laplace_penalty")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        options = self.config
        numbers = range(1, 1 + len(options.channels))
        seeds = iter(self.seeds(2 * len(numbers)))
        self.spatial = [
            convolution(
                channels,
                kernel,
                seed=next(seeds),
                name=f"spatial{number}",
                padding="valid",
                use_bias=True,
            )
            for number, channels, kernel in zip(
                numbers, options.channels, options.spatial_kernels, strict=True
            )
        ]
        self.temporal = [
            TemporalConvolution(
                channels,
                kernel,
                padding="past" if options.pad_past else "valid",
                use_bias=True,
                seed=next(seeds),
                name=f"temporal{number}",
            )
            for number, channels, kernel in zip(
                numbers, options.channels, options.temporal_kernels, strict=True
            )
        ]
        self.norms = [batch_norm(f"norm{number}", momentum=0.3) for number in numbers]

    @property
    def lost_frames(self) -> int:
        """How many frames at the beginning of a movie get no features."""
        return sum(layer.lost_frames for layer in self.temporal)

    def build(self, input_shape):
        """Makes the weights for movies of `input_shape`, of five axes."""
        kernels = self.config.spatial_kernels
        smallest = 1 + sum(kernel - 1 for kernel in kernels)
        check_image_size(input_shape[1:], smallest, f"spatial_kernels {list(kernels)}")
        super().build(input_shape)

    def call(self, movies, training=None):
        """Extracts the features of `(batch, frames, height, width, channels)` movies."""
        return self.levels(movies, training=training)[-1]

    def levels(self, movies, training=None):
        """Returns what each layer gives, maps that grow smaller and clips that grow shorter."""
        features, found = movies, []
        for spatial, temporal, norm in zip(self.spatial, self.temporal, self.norms, strict=True):
            features = temporal(each_frame(spatial, features))
            features = self._activate(each_frame(norm, features, training=training))
            found.append(features)
        return found

    def chain(self):
        """Returns the layers of a call in evaluation, in order."""
        triples = zip(self.spatial, self.temporal, self.norms, strict=True)
        return [each for layers in triples for each in (*layers, self._activate)]

    def _activate(self, features):
        return ops.elu(features) if self.config.activation == "elu" else features

    def penalty(self):
        """Returns the smoothness penalties of one pass, weighted as in the loss (a scalar)."""
        # In full precision also within a call under mixed precision.
        first = (self.spatial[0].kernel, self.temporal[0].kernel)
        space, time = (ops.cast(kernel, self.variable_dtype) for kernel in first)
        in_space = self.config.laplace_penalty * laplace_norm(space)
        in_time = self.config.temporal_laplace_penalty * temporal_laplace_norm(time[:, 0])
        return in_space + in_time

    def first_layer(self):
        """Returns the first kernels in space, `(height, width, channels, kernels)`."""
        return ops.convert_to_numpy(self.spatial[0].kernel)
