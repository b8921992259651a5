"""Reading feature maps under the masks of many neurons."""

from keras import ops

from sensorium_tf.models.ops.shifted_maps import shifted_maps


def read_masked(features, masks, weights, *, shift=None):
    """Reads weighted sums of the channels, and of the places under each neuron's mask.

    As two matrix products, without any tensor of batch, neurons and places.

    Args:
        features: `(batch, height, width, channels)`.
        masks: `(neurons, height * width)`.
        weights: `(neurons, channels)`.
        shift: `(batch, 2)` by which all masks are moved in an image, (x, y) in units in which the
            map spans [-1, 1]; None for none.

    Returns:
        `(batch, neurons)`, in the dtype of `features`.
    """
    if shift is not None:
        features = shifted_maps(features, shift)
    height, width, channels = features.shape[1:]
    places = ops.reshape(features, (-1, height * width, channels))
    masks, weights = (ops.cast(each, features.dtype) for each in (masks, weights))
    pooled = ops.einsum("np,bpc->bnc", masks, places)
    return ops.sum(pooled * weights, axis=-1)


def centres(masks, size: tuple[int, int]):
    """Returns the centre of mass of each mask, `(neurons, 2)` as (x, y) in [-1, 1].

    Args:
        masks: `(neurons, height * width)`, not negative.
        size: `(height, width)`.
    """
    shares = masks / ops.maximum(ops.sum(masks, axis=1, keepdims=True), 1e-12)
    return ops.matmul(shares, grid(size))


def grid(size: tuple[int, int]):
    """Returns the position of each place of a map, `(height * width, 2)`, row by row.

    Args:
        size: `(height, width)`; the centres of the first and last pixels lie at -1 and 1.
    """
    y, x = (ops.linspace(-1.0, 1.0, n) if n > 1 else ops.zeros((1,)) for n in size)
    x, y = ops.meshgrid(x, y)
    return ops.stack([ops.reshape(x, (-1,)), ops.reshape(y, (-1,))], axis=-1)
