"""What cores of movies share that see each frame by a core of images."""

import dataclasses

from keras import ops

from sensorium_tf import config
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase
from sensorium_tf.models.ops.frames import clips_of, flat_frames
from sensorium_tf.registry import CORES, Part


class FramesCore(CoreBase):
    """A core of movies that sees each frame by a core of images, and then looks over time.

    It pays what a pass of the core of images pays. A subclass has `core` among its settings, makes
    `frames` of it by `image_core`, and says by `over_time` what becomes of its features.
    """

    takes_movies = True

    @property
    def frame_core(self) -> CoreBase:
        """The core of images."""
        return self.frames

    def image_core(self, seed: int | None) -> CoreBase:
        """Makes the core of images that the settings name."""
        part = Part.parse(self.config.core)
        core = CORES[part.name](**part.options, seed=seed, name="frames", dtype=self.dtype_policy)
        self.penalty_label = core.penalty_label
        self.supports_jit = core.supports_jit
        return core

    def build(self, input_shape):
        """Makes the weights for movies of `input_shape`, of five axes."""
        self.frames.build((None, *input_shape[2:]))
        super().build(input_shape)

    def call(self, movies, training=None):
        """Extracts the features of `(batch, frames, height, width, channels)` movies."""
        return self.levels(movies, training=training)[-1]

    def levels(self, movies, training=None):
        """Returns what the core of images gives at each level, then the features over time."""
        levels = self.frames.levels(flat_frames(movies), training=training)
        levels = [clips_of(each, movies) for each in levels]
        return [*levels, *self.over_time(levels[-1], training)]

    def over_time(self, features, training):
        """Returns what is made of the features of all frames, one or more levels."""
        raise SensoriumError(f"{type(self).__name__}: needs a method over_time(features, training)")

    def penalty(self):
        """Returns what a pass of the core of images pays (a scalar)."""
        return ops.cast(self.frames.penalty(), self.variable_dtype)

    def first_layer(self):
        """Returns the kernels that see the frames, as the core of images does."""
        return self.frames.first_layer()


class FramesConfig(config.Config):
    """What the settings of these cores check of their core of images."""

    def __post_init__(self):
        super().__post_init__()
        part = Part.parse(self.core)
        kind = CORES[part.name]
        if kind.takes_movies or kind.inputs:
            taken = "movies" if kind.takes_movies else ", ".join(kind.inputs)
            raise SensoriumError(
                f"core {part.name}: takes {taken}: expected a core that takes images alone"
            )
        config.check_names(
            part.options,
            [field.name for field in dataclasses.fields(kind.Config)],
            f"option of core {part.name}",
        )
        kind.Config(**part.options)
