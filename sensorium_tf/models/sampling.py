"""Reading a feature map between its pixels."""

from typing import Any, NamedTuple

import keras
from keras import ops


def sample_bilinear(features, positions):
    """Interpolates feature maps at positions between their pixels.

    The convention is that of the published networks (arXiv 2206.08666): -1 and 1 are the centres
    of the first and of the last pixel, `pixel = (position + 1) / 2 * (size - 1)`, and the map is
    zero outside, so that a sample less than a pixel beyond the border fades linearly. Gradients
    reach features and positions.

    TensorFlow and PyTorch have kernels for this that are 3 to 5 times as fast as gathering the
    four neighbours, forward and backward, and take a quarter of the memory; they are used where
    they can be.

    Args:
        features: `(batch, height, width, channels)`.
        positions: `(batch, neurons, 2)`, or `(1, neurons, 2)` for the same positions in every
            image. The last axis is (x, y).

    Returns:
        `(batch, neurons, channels)`, in the dtype of `features`.
    """
    features, positions = ops.convert_to_tensor(features), ops.convert_to_tensor(positions)
    backend = keras.backend.backend()
    if backend == "tensorflow" and _can_crop():
        return _crop(features, positions)
    if backend == "torch":
        return _grid_sample(features, positions)
    return gather_bilinear(features, positions)


def read_bilinear(features, positions, weights):
    """Reads weighted sums of the channels off feature maps, between their pixels.

    The same as `sum(sample_bilinear(features, positions) * weights, axis=-1)`. On TensorFlow it
    takes half the time and memory in training: no tensor of all samples is made, forward or
    backward.

    Args:
        features: `(batch, height, width, channels)`.
        positions: `(batch, neurons, 2)` as in `sample_bilinear`.
        weights: `(neurons, channels)`.

    Returns:
        `(batch, neurons)`, in the dtype of `features`.
    """
    features, positions, weights = map(ops.convert_to_tensor, (features, positions, weights))
    if keras.backend.backend() == "tensorflow":
        from sensorium_tf.models.fused_reading import fused_read

        return fused_read(features, positions, weights)
    return ops.sum(sample_bilinear(features, positions) * weights, axis=-1)


def gather_bilinear(features, positions):
    """Does what `sample_bilinear` does on any backend, by gathering four pixels a sample.

    Args:
        features: As in `sample_bilinear`.
        positions: As in `sample_bilinear`.

    Returns:
        As `sample_bilinear`.
    """
    features, positions = ops.convert_to_tensor(features), ops.convert_to_tensor(positions)
    corners = find_corners(ops.cast(features, positions.dtype), positions)
    samples = 0.0
    for offset, share in zip(corners.offsets, corners.shares(), strict=True):
        neighbour = ops.take(corners.pixels, corners.first + offset, axis=0)
        samples = samples + neighbour * share[..., None]
    return ops.cast(samples, features.dtype)


class Corners(NamedTuple):
    """The four pixels around each position.

    Attributes:
        pixels: `(batch * height * width, channels)`: one flat table of all images' pixels, a frame
            of zeros around each; gathering image by image is far slower.
        first: `(batch, neurons)` int32, row in `pixels` of the upper left corner.
        offsets: From there to each corner: upper left, upper right, lower left, lower right.
        x_share: `(batch or 1, neurons)`, how far right of the left corners, in pixels.
        y_share: Likewise below the upper ones.
    """

    pixels: Any
    first: Any
    offsets: tuple[int, int, int, int]
    x_share: Any
    y_share: Any

    def shares(self):
        """Returns the weight of each corner in the sample, in the order of `offsets`."""
        x, y = self.x_share, self.y_share
        return (1.0 - x) * (1.0 - y), x * (1.0 - y), (1.0 - x) * y, x * y


def find_corners(features, positions) -> Corners:
    """Finds the pixels between which the positions lie."""
    framed, x, y = _frame(features, positions)
    height, width, channels = framed.shape[1:]
    left = ops.minimum(ops.floor(ops.stop_gradient(x)), width - 2.0)
    top = ops.minimum(ops.floor(ops.stop_gradient(y)), height - 2.0)
    first_pixel = ops.arange(ops.shape(framed)[0], dtype="int32")[:, None] * (height * width)
    return Corners(
        pixels=ops.reshape(framed, (-1, channels)),
        first=first_pixel + ops.cast(top, "int32") * width + ops.cast(left, "int32"),
        offsets=(0, 1, width, width + 1),
        x_share=x - left,
        y_share=y - top,
    )


def _frame(features, positions):
    """Puts a frame of zeros around the maps and finds the positions' pixels in it.

    Frame and clamping give the fade at the border without any case distinction: a sample at the
    frame's outer edge, and so one beyond it, reads zeros.
    """
    framed = ops.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = framed.shape[1:3]
    x, y = (
        ops.clip((positions[..., axis] + 1.0) * (0.5 * (size - 3)) + 1.0, 0.0, size - 1.0)
        for axis, size in ((0, width), (1, height))
    )
    return framed, x, y


def _can_crop():
    # XLA has no kernel for the crop operation at all, GPUs none whose gradient is deterministic.
    import tensorflow as tf
    from tensorflow.python.framework.config import is_op_determinism_enabled
    from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

    if GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()):
        return False
    return not (is_op_determinism_enabled() and tf.config.list_physical_devices("GPU"))


def _crop(features, positions):
    # Every sample is a crop of one pixel. The operation has no fade at the border; the frame has.
    import tensorflow as tf

    framed, x, y = _frame(tf.cast(features, tf.float32), tf.cast(positions, tf.float32))
    height, width, channels = framed.shape[1:]
    batch, n_neurons = tf.shape(features)[0], tf.shape(positions)[1]
    y, x = y / (height - 1.0), x / (width - 1.0)
    boxes = tf.broadcast_to(tf.stack([y, x, y, x], axis=-1), (batch, n_neurons, 4))
    # Images in ascending order: then the threads of the gradient seldom meet in one image.
    image_of_box = tf.repeat(tf.range(batch), n_neurons)
    samples = tf.image.crop_and_resize(
        framed, tf.reshape(boxes, (-1, 4)), image_of_box, crop_size=(1, 1)
    )
    return tf.cast(tf.reshape(samples, (batch, n_neurons, channels)), features.dtype)


def _grid_sample(features, positions):
    import torch

    maps = features.permute(0, 3, 1, 2).to(positions.dtype)
    grid = positions[:, :, None, :].expand(features.shape[0], -1, -1, -1)
    samples = torch.nn.functional.grid_sample(
        maps, grid, mode="bilinear", padding_mode="zeros", align_corners=True
    )
    return samples[..., 0].permute(0, 2, 1).to(features.dtype)
