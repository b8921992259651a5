"""Where a model goes from clips to frames and back: all that comes after its core is of frames."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from sensorium_tf.models.ops.frames import clips_of, flat_frames


@keras.saving.register_keras_serializable(package="sensorium_tf")
class FramesApart(keras.layers.Layer):
    """Takes clips apart into one batch of their last frames, as many as the core's features have.

    Call arguments:
        values: `(batch, frames, ...)`.
        features: The core's, `(batch, frames', ...)`, which end with the clips.

    Returns:
        `(batch * frames', ...)`, the last frames' of `values`.
    """

    def __init__(self, **kwargs):
        # Values stay as precise as they are.
        super().__init__(autocast=False, **kwargs)

    def call(self, values, features):
        """Returns the frames `(batch * frames', ...)`."""
        lost = ops.shape(values)[1] - ops.shape(features)[1]
        return flat_frames(values[:, lost:])

    def compute_output_shape(self, values_shape, features_shape):
        """Returns the shape of the frames."""
        return frame_shape(values_shape)


@keras.saving.register_keras_serializable(package="sensorium_tf")
class FramesTogether(keras.layers.Layer):
    """Puts the frames of clips together again.

    Call arguments:
        values: `(batch * frames', columns)`, as `FramesApart` gives them.
        features: The core's, `(batch, frames', ...)`.

    Returns:
        `(batch, frames', columns)`.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, values, features):
        """Returns the clips `(batch, frames', columns)`."""
        return clips_of(values, features)

    def compute_output_shape(self, values_shape, features_shape):
        """Returns the shape of the clips."""
        return (*features_shape[:2], *values_shape[1:])


class Frames:
    """The two ways of one model.

    The frames of a level of the core, or of a signal, are its last ones: both end with the clip.
    """

    def __init__(self):
        self.apart, self.together = FramesApart(name="frames"), FramesTogether(name="clips")

    def split(self, features: Any, signals: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Returns features and signals of one batch of frames.

        Args:
            features: Of clips: the core's, or a list of its levels.
            signals: Those of clips that the parts after the core take.
        """
        last = _last(features)
        of_frames = keras.tree.map_structure(lambda each: self.apart(each, last), features)
        return of_frames, {name: self.apart(each, last) for name, each in signals.items()}

    def join(self, rates: Any, features: Any) -> Any:
        """Returns the rates of frames as those of clips, `(batch, frames', neurons)`."""
        return self.together(rates, _last(features))


def frame_shape(shape: tuple) -> tuple:
    """Returns the shape of a batch of frames from that of clips, `(batch, frames, ...)`."""
    return (None, *shape[2:])


def _last(features: Any) -> Any:
    return features[-1] if isinstance(features, list | tuple) else features
