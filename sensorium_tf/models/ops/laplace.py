"""How rough convolution kernels are."""

from keras import ops


def laplace_norm(kernel):
    """Measures how rough convolution kernels are.

    `sum((w * L)^2) / sum(w^2)` with the Laplace filter L = [[0,-1,0],[-1,4,-1],[0,-1,0]] and
    zeros around every kernel w. Source: arXiv 2206.08666, methods (smoothness of the first layer).

    Args:
        kernel: `(height, width, in_channels, out_channels)`.

    Returns:
        A scalar tensor: 0 for perfectly smooth, at most 64.
    """
    kernel = ops.convert_to_tensor(kernel)
    height, width = kernel.shape[:2]
    framed = ops.pad(kernel, ((1, 1), (1, 1), (0, 0), (0, 0)))
    neighbours = (
        framed[:height, 1:-1]
        + framed[2 : height + 2, 1:-1]
        + framed[1:-1, :width]
        + framed[1:-1, 2 : width + 2]
    )
    return ops.sum(ops.square(4.0 * kernel - neighbours)) / ops.sum(ops.square(kernel))


def temporal_laplace_norm(kernel):
    """Measures how rough convolution kernels are in time, as of the published core of movies.

    `sum((w * [-1, 4, -1])^2) / sum(w^2)` with zeros before and after every kernel w. The filter is
    the published one, whose middle is 4 and not 2: of kernels that do not change in time it is not
    zero. Source: the published starting kit of Sensorium 2023 (`DepthLaplaceL21d`).

    Args:
        kernel: `(time, in_channels, out_channels)`.

    Returns:
        A scalar tensor, 0 or more.
    """
    kernel = ops.convert_to_tensor(kernel)
    framed = ops.pad(kernel, ((1, 1), (0, 0), (0, 0)))
    roughness = 4.0 * kernel - framed[:-2] - framed[2:]
    return ops.sum(ops.square(roughness)) / ops.sum(ops.square(kernel))
