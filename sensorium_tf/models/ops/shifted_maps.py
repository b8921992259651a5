"""Feature maps as seen by an eye that has turned."""

from keras import ops


def shifted_maps(features, shift):
    """Moves feature maps under masks that stay where they are.

    A mask on the moved map reads what the mask, moved by `shift`, would read on the map itself: the
    pixel at a position of the result is the map, interpolated bilinearly, at that position plus the
    shift. The map is zero outside, as for `sample_bilinear`. Gradients reach both arguments.

    Args:
        features: `(batch, height, width, channels)`.
        shift: `(batch, 2)`, (x, y) in units in which the map spans [-1, 1].

    Returns:
        `(batch, height, width, channels)`, in the dtype of `features`.
    """
    height, width = features.shape[1:3]
    # In full precision: half precision would round places to a tenth of a pixel.
    shift = ops.cast(shift, "float32")
    rows = ops.cast(_interpolation(height, shift[:, 1]), features.dtype)
    columns = ops.cast(_interpolation(width, shift[:, 0]), features.dtype)
    moved = ops.einsum("bik,bkwc->biwc", rows, features)
    return ops.einsum("bjw,biwc->bijc", columns, moved)


def _interpolation(size: int, shift):
    """Returns the weight of each pixel in each pixel of the result, `(batch, size, size)`."""
    places = ops.arange(size, dtype="float32")
    wanted = places + 0.5 * (size - 1) * shift[:, None]
    return ops.relu(1.0 - ops.abs(wanted[:, :, None] - places))
