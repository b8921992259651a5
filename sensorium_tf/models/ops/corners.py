"""The pixels around each position between the pixels of a feature map."""

from typing import Any, NamedTuple

from keras import ops


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
    """Finds the pixels between which the positions lie.

    Args:
        features: `(batch, height, width, channels)`.
        positions: `(batch, neurons, 2)` or `(1, neurons, 2)`, (x, y) in [-1, 1] over the map.
    """
    framed, x, y = frame(features, positions)
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


def frame(features, positions):
    """Puts a frame of zeros around the maps and finds the positions' pixels in it.

    Frame and clamping give the fade at the border without any case distinction: a sample at the
    frame's outer edge, and so one beyond it, reads zeros.

    Args:
        features: As in `find_corners`.
        positions: As in `find_corners`.

    Returns:
        The framed maps `(batch, height + 2, width + 2, channels)` and, of each position, x and y in
        their pixels, `(batch or 1, neurons)`.
    """
    framed = ops.pad(features, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = framed.shape[1:3]
    x, y = (
        ops.clip((positions[..., axis] + 1.0) * (0.5 * (size - 3)) + 1.0, 0.0, size - 1.0)
        for axis, size in ((0, width), (1, height))
    )
    return framed, x, y
