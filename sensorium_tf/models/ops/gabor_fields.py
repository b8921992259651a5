"""Gabor filters of neurons, each with a place and a shape of its own, and what they answer."""

import dataclasses
import math
from typing import Any, Self

from keras import ops

from sensorium_tf.models.ops.gabor import UNIT

# How many times as wide as the window the surround is.
_SURROUND = 2.0


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

    def responses(self, images):
        """Filters images, zero beyond their borders.

        Args:
            images: `(batch, height, width)`.

        Returns:
            What the filter answers, what that of the later phase does, and what the window does
            less one that is twice as wide, each `(batch, neurons)`. The root of each Gabor filter's
            sum of squares is about `6 / wavelength`, as of `gabor.pairs`; inside the image the sum
            of each of the three is zero.
        """
        _, height, width = images.shape
        frequency = 2 * math.pi / self.wavelength
        columns = self._axis(width, self.x, frequency * ops.cos(self.direction))
        # Rows count downwards.
        rows = self._axis(height, self.y, -frequency * ops.sin(self.direction))
        flat = ops.reshape(images, (-1, width))
        window, even, odd, wide = (
            ops.reshape(ops.matmul(flat, each), (-1, height, each.shape[-1])) for each in columns
        )
        of_window, of_even, of_odd, of_wide = rows
        real = ops.sum(even * of_even - odd * of_odd, axis=1)
        imaginary = ops.sum(even * of_odd + odd * of_even, axis=1)
        center = ops.sum(window * of_window, axis=1)
        surround = ops.sum(wide * of_wide, axis=1) / _SURROUND**2
        real = real - center * ops.exp(-ops.square(frequency * self.width) / 2)
        size = math.sqrt(2 / math.pi) * UNIT / (self.width * self.wavelength)
        real, imaginary = real * size, imaginary * size
        cosine, sine = ops.cos(self.phase), ops.sin(self.phase)
        later = cosine * imaginary - sine * real
        return cosine * real + sine * imaginary, later, (center - surround) * size

    def across(self) -> Self:
        """Returns the same filters with waves that run at right angles to these."""
        return dataclasses.replace(self, direction=self.direction + math.pi / 2)

    def _axis(self, size: int, middle, frequency):
        """Returns a window, its even and odd waves and a wider window, each `(size, neurons)`."""
        away = ops.arange(size, dtype="float32")[:, None] - middle
        window = ops.exp(-ops.square(away / self.width) / 2)
        wide = ops.exp(-ops.square(away / (_SURROUND * self.width)) / 2)
        return window, window * ops.cos(frequency * away), window * ops.sin(frequency * away), wide
