"""Fixed filters, each of which sees every channel alone."""

import numpy as np
from keras import ops


def filter_each(images, filters: np.ndarray, stride: int = 1):
    """Filters every channel with all filters, the images continued as in a mirror.

    Args:
        images: `(batch, height, width, channels)`.
        filters: `(size, size, filters)`, of an odd size.
        stride: Pixels of the images that a pixel of the result stands for.

    Returns:
        `(batch, rows, columns, filters * channels)`, the channels of each filter together.
    """
    _, height, width, channels = images.shape
    reach, n_filters = len(filters) // 2, filters.shape[-1]
    # Each channel as an image: a full convolution is much faster than a depthwise one.
    alone = ops.reshape(ops.transpose(images, (0, 3, 1, 2)), (-1, height, width, 1))
    framed = ops.pad(alone, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")
    filtered = ops.conv(
        framed,
        ops.convert_to_tensor(filters[:, :, None], dtype=images.dtype),
        strides=stride,
        padding="valid",
        data_format="channels_last",
    )
    rows, columns = filtered.shape[1:3]
    apart = ops.reshape(filtered, (-1, channels, rows, columns, n_filters))
    together = ops.transpose(apart, (0, 2, 3, 4, 1))
    return ops.reshape(together, (-1, rows, columns, n_filters * channels))
