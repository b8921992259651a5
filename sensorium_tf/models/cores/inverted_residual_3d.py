"""The core of the winner of Sensorium 2023: inverted residual blocks of movies."""

import keras
import numpy as np
from keras import ops

from sensorium_tf import config
from sensorium_tf.config import setting
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase
from sensorium_tf.models.ops.convolution import (
    batch_norm,
    convolution,
    depthwise_supports_jit,
    xavier_normal,
)
from sensorium_tf.models.ops.dropout import Dropout
from sensorium_tf.models.ops.frames import each_frame
from sensorium_tf.models.ops.grouped import Shortcut, ShuffledGroups
from sensorium_tf.models.ops.seeds import spawn_seeds
from sensorium_tf.models.ops.squeeze_excite import SqueezeExcite
from sensorium_tf.models.ops.temporal import TemporalConvolution
from sensorium_tf.registry import CORES


@CORES.register("inverted_residual_3d")
class InvertedResidual3dCore(CoreBase):
    """Blocks that are wide within and filter in space and in time, then layers of grouped channels.

    A 1x1 convolution begins. A block adds an encoding of places (sines and cosines of row and
    column), expands the channels by a 1x1 convolution, filters each by a depthwise one in space and
    one in time, weighs them by squeeze-and-excitation and projects them; what it was given is
    added, batch normalisation and SiLU follow each convolution but the last. Then the mean over
    the map is taken (`pool`), and 1x1 convolutions of groups of channels follow, the "cortex".
    No frame is lost. Filters in time see as many frames to come as before, and gains follow the
    mean over the whole clip, unless the core is `causal`: then filters see zeros before the clip
    in their place, and gains follow each frame's own mean.
    Source: the winner of Sensorium 2023 (arXiv 2407.09100, DwiseNeuro; its published code). Time is
    not encoded here, as clips begin anywhere; and every second pixel makes a shortcut smaller.

    Args:
        **kwargs: The settings of `Config`, and `seed`, `name`, `dtype` and `trainable` as of
            `PartBase`.

    Call arguments:
        movies: `(batch, frames, height, width, channels)`.
        training: Whether to normalise by the batch's own statistics and to leave out blocks.

    Returns:
        Features `(batch, frames, rows, columns, channels)`, of one row and column if pooled.

    Raises:
        SensoriumError: If a setting is out of its range.
    """

    class Config(config.Config):
        """Settings of the core; the defaults are the winner's."""

        channels: tuple[int, ...] = setting(
            (64, 64, 64, 64, 128, 128, 128, 256, 256), "Channels that each block is given."
        )
        strides: tuple[int, ...] = setting(
            (2, 1, 1, 1, 2, 1, 1, 2, 1), "How many times smaller each block makes the map."
        )
        spatial_kernel: int = setting(
            3, "Height and width of the depthwise kernels, in pixels.", at_least=1
        )
        temporal_kernel: int = setting(
            5, "Length of the depthwise kernels in time, in frames.", at_least=1
        )
        expansion: int = setting(7, "How many times wider a block is within.", at_least=1)
        squeeze_excite: int = setting(
            32,
            "How many times fewer hidden units squeeze-and-excitation has than channels.",
            at_least=1,
        )
        pool: bool = setting(True, "Whether the mean over the map is taken before the cortex.")
        cortex: tuple[int, ...] = setting(
            (1024, 2048, 4096), "Channels of the layers of grouped channels; [] for none."
        )
        groups: int = setting(2, "Groups of channels in the cortex.", at_least=1)
        causal: bool = setting(False, "Whether no feature knows of frames to come.")
        drop_path: float = setting(
            0.1,
            "How often training leaves a layer of the cortex out, for each clip; blocks less, in "
            "proportion to how many come before.",
            at_least=0,
            below=1,
        )

        def __post_init__(self):
            super().__post_init__()
            for name in ("channels", "strides"):
                values = getattr(self, name)
                if min(values, default=0) < 1 or len(values) != len(self.channels):
                    raise SensoriumError(
                        f"{name} {list(values)}: expected a number of at least 1 for each of the "
                        f"{len(self.channels)} block(s) of channels"
                    )
            grouped = (self.channels[-1], *self.cortex) if self.cortex else ()
            if any(each < 1 or each % self.groups for each in grouped):
                raise SensoriumError(
                    f"cortex {list(self.cortex)}: it and the last of channels, {grouped[0]}, must "
                    f"be multiples of {self.groups} groups"
                )

    takes_movies = True
    training_options = ("drop_path",)

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_jit = depthwise_supports_jit()
        options = self.config
        n_blocks = len(options.channels)
        stem_seed, *seeds = self.seeds(1 + n_blocks + len(options.cortex))
        self.stem = convolution(options.channels[0], 1, seed=stem_seed, name="stem")
        self.stem_norm = batch_norm("stem_norm", momentum=0.9)
        following = (*options.channels[1:], options.channels[-1])
        self.blocks = [
            _Block(
                options,
                channels,
                stride=stride,
                drop_path=options.drop_path * index / n_blocks,
                seed=seed,
                name=f"block{index + 1}",
            )
            for index, (channels, stride, seed) in enumerate(
                zip(following, options.strides, seeds[:n_blocks], strict=True)
            )
        ]
        self.cortex = [
            ShuffledGroups(
                channels,
                options.groups,
                drop_path=options.drop_path,
                seed=seed,
                name=f"cortex{number}",
            )
            for number, (channels, seed) in enumerate(
                zip(options.cortex, seeds[n_blocks:], strict=True), start=1
            )
        ]

    def build(self, input_shape):
        """Makes the weights for movies of `input_shape`, of five axes."""
        super().build(input_shape)

    def call(self, movies, training=None):
        """Extracts the features of `(batch, frames, height, width, channels)` movies."""
        return self.levels(movies, training=training)[-1]

    def levels(self, movies, training=None):
        """Returns what each block gives, then the cortex."""
        features = each_frame(self.stem, movies)
        features = each_frame(self.stem_norm, features, training=training)
        found = []
        for block in self.blocks:
            features = block(features, training=training)
            found.append(features)
        if self.config.pool:
            features = ops.mean(features, axis=(2, 3), keepdims=True)
        for layer in self.cortex:
            features = layer(features, training=training)
        return [*found, features] if self.cortex or self.config.pool else found


class _Block(keras.layers.Layer):
    """Expand, filter in space and in time, weigh, project; what it was given is added."""

    def __init__(self, options, channels, *, stride, drop_path, seed, name):
        super().__init__(name=name)
        self._options, self._channels, self._stride = options, channels, stride
        *self._seeds, noise_seed = spawn_seeds(seed, 6)
        self.norms = [
            batch_norm(f"{step}_norm", momentum=0.9)
            for step in ("expand", "space", "time", "project")
        ]
        self.shortcut = Shortcut(channels, stride)
        self.drop_path = Dropout(drop_path, whole_images=True, seed=noise_seed, name="drop_path")

    def build(self, input_shape):
        """Makes the weights for clips of `input_shape`, of five axes."""
        *_, height, width, channels = input_shape
        size = (height, width)
        options, wide = self._options, channels * self._options.expansion
        expand, space, time, gain, project = self._seeds
        self.encoding = encoding_of_places(*size, channels)
        self.expand = convolution(wide, 1, seed=expand, name="expand")
        self.space = keras.layers.DepthwiseConv2D(
            options.spatial_kernel,
            strides=self._stride,
            use_bias=False,
            data_format="channels_last",
            depthwise_initializer=xavier_normal(space),
            name="space",
        )
        self.time = TemporalConvolution(
            None,
            options.temporal_kernel,
            padding="past" if options.causal else "same",
            seed=time,
            name="time",
        )
        self.gain = SqueezeExcite(options.squeeze_excite, seed=gain, name="gain")
        self.project = convolution(self._channels, 1, seed=project, name="project")
        smaller = self.shortcut.compute_output_shape(input_shape)
        self.expand.build((None, *size, channels))
        for layer in (self.space, self.gain, self.project):
            layer.build((None, *size, wide))
        self.time.build((*smaller[:-1], wide))
        for norm, number in zip(self.norms, (wide, wide, wide, self._channels), strict=True):
            norm.build((None, *smaller[2:-1], number))
        self.shortcut.build(input_shape)

    def call(self, clips, training=None):
        """Computes the features of clips."""
        expand, space, time, project = self.norms
        clips = clips + ops.convert_to_tensor(self.encoding, dtype=clips.dtype)
        inner = each_frame(self.expand, clips)
        inner = ops.silu(each_frame(expand, inner, training=training))
        inner = each_frame(self._in_space, inner)
        inner = ops.silu(each_frame(space, inner, training=training))
        inner = ops.silu(each_frame(time, self.time(inner), training=training))
        inner = each_frame(self.project, self._weigh(inner))
        inner = each_frame(project, inner, training=training)
        inner = self.drop_path(inner, training=training)
        return inner + self.shortcut(clips, training=training)

    def _in_space(self, maps):
        kernel = self._options.spatial_kernel
        around = ((kernel - 1) // 2, kernel // 2)
        return self.space(ops.pad(maps, ((0, 0), around, around, (0, 0))))

    def _weigh(self, clips):
        if self._options.causal:
            return each_frame(self.gain, clips)
        batch, frames, height, width, channels = ops.shape(clips)
        # As one long map, over which the means are.
        whole = self.gain(ops.reshape(clips, (batch, frames * height, width, channels)))
        return ops.reshape(whole, (batch, frames, height, width, channels))

    def compute_output_shape(self, input_shape):
        """Returns the shape of the features."""
        return self.shortcut.compute_output_shape(input_shape)


def encoding_of_places(height: int, width: int, channels: int) -> np.ndarray:
    """Returns sines and cosines of the row, then of the column, `(height, width, channels)`.

    Their periods grow from 2 pi pixels on, up to 10,000 times as long, as of transformers.
    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.5.
    """
    each = -(-channels // 4)  # of the four kinds
    periods = 10_000.0 ** (np.arange(each) / each)
    rows, columns = np.arange(height)[:, None] / periods, np.arange(width)[:, None] / periods
    of_rows = np.concatenate([np.sin(rows), np.cos(rows)], axis=-1)
    of_columns = np.concatenate([np.sin(columns), np.cos(columns)], axis=-1)
    shape = (height, width, 2 * each)
    both = [np.broadcast_to(of_rows[:, None], shape), np.broadcast_to(of_columns[None], shape)]
    return np.concatenate(both, axis=-1)[..., :channels].astype(np.float32)
