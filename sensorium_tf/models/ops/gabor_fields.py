"""Gabor filters of neurons, each with a place and a shape of its own, and what they answer."""

import dataclasses
import math
from typing import Any, NamedTuple

from keras import ops

from sensorium_tf.models.ops.gabor import UNIT

# How many times as wide as the window the surround is.
_SURROUND = 2.0


class FieldResponses(NamedTuple):
    """What filters answer to images, each `(batch, neurons)`.

    Attributes:
        first: The filter of the neuron's phase.
        later: That of a phase a quarter of a wave later.
        across: Two of them whose wave runs at right angles, a quarter of it apart.
        center: The window, less one that is twice as wide.
    """

    first: Any
    later: Any
    across: tuple[Any, Any]
    center: Any


@dataclasses.dataclass(frozen=True, eq=False)
class GaborFields:
    """Gabor filters, one a neuron; all are `(neurons,)`, in pixels and radians.

    A round Gaussian window times a plane wave is a product of a function of rows and one of
    columns, so that no filter is ever drawn: images are multiplied by the functions of columns, and
    the result by those of rows.

    Attributes:
        x: Place of the middle, to the right.
        y: Place of the middle, downwards.
        direction: In which the wave runs, counterclockwise from the right.
        phase: Of the wave that the first of two filters takes; the other's is a quarter later.
        wavelength: Of the wave.
        width: Standard deviation of the window.
    """

    x: Any
    y: Any
    direction: Any
    phase: Any
    wavelength: Any
    width: Any

    def responses(self, images) -> FieldResponses:
        """Filters images, zero beyond their borders.

        The root of each Gabor filter's sum of squares is about `6 / wavelength`, as of
        `gabor.pairs`; inside the image the sum of each filter is zero.

        Args:
            images: `(batch, height, width)`.
        """
        _, height, width = images.shape
        flat = ops.reshape(images, (-1, width))
        right = ops.arange(width, dtype="float32")[:, None] - self.x
        down = ops.arange(height, dtype="float32")[:, None] - self.y
        frequency = 2 * math.pi / self.wavelength
        size = math.sqrt(2 / math.pi) * UNIT / (self.width * self.wavelength)

        def window(away, times=1.0):
            return ops.exp(-ops.square(away / (times * self.width)) / 2)

        def filtered(columns):
            rows = ops.matmul(flat, columns)
            return ops.reshape(rows, (-1, height, rows.shape[-1]))

        def waves(direction):
            # Rows count downwards.
            x, y = frequency * ops.cos(direction) * right, -frequency * ops.sin(direction) * down
            even, odd = filtered(of_columns * ops.cos(x)), filtered(of_columns * ops.sin(x))
            of_even, of_odd = of_rows * ops.cos(y), of_rows * ops.sin(y)
            real = ops.sum(even * of_even - odd * of_odd, axis=1) - mean
            return real * size, ops.sum(even * of_odd + odd * of_even, axis=1) * size

        of_columns, of_rows = window(right), window(down)
        center = ops.sum(filtered(of_columns) * of_rows, axis=1)
        mean = center * ops.exp(-ops.square(frequency * self.width) / 2)
        wide = filtered(window(right, _SURROUND)) * window(down, _SURROUND)
        surround = ops.sum(wide, axis=1) / _SURROUND**2
        real, imaginary = waves(self.direction)
        cosine, sine = ops.cos(self.phase), ops.sin(self.phase)
        return FieldResponses(
            first=cosine * real + sine * imaginary,
            later=cosine * imaginary - sine * real,
            across=waves(self.direction + math.pi / 2),
            center=(center - surround) * size,
        )
