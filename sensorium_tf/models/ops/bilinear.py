"""Reading a feature map between its pixels."""

import keras
from keras import ops

from sensorium_tf.models.ops.corners import find_corners, frame


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

    framed, x, y = frame(tf.cast(features, tf.float32), tf.cast(positions, tf.float32))
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
